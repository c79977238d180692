package main

import (
	"encoding/json"
	"net/http"
)

// summary is what the sandbox counts.
type summary struct {
	Posts   int `json:"posts"`
	Minted  int `json:"minted"`
	Refs    int `json:"refs"`
	Once    int `json:"once"`
	Doubled int `json:"doubled"`
}

func journal(gateway string) (s summary, err error) {
	res, err := http.Get("http://" + gateway + "/_sandbox/journal/summary")
	if err != nil {
		return s, err
	}
	defer res.Body.Close()
	return s, json.NewDecoder(res.Body).Decode(&s)
}
