package bench

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

const merchantID = "BENCH-1"

// ref names the order of a number.
func ref(i int) string { return fmt.Sprintf("%08d-BENCH", i) }

// writeOrder writes an order: the documentation's example with its own amount.
func writeOrder(w io.Writer, ref string, amount int) error {
	_, err := fmt.Fprintf(w, `{"merchant_id":"`+merchantID+`","merchant_txn_ref":"%s","amount":%d,"currency":"JPY",`+
		`"return_url":{"webhook_url":"https://shop.example/hook","success_url":"https://shop.example/ok",`+
		`"decline_url":"https://shop.example/declined","cancel_url":"https://shop.example/cancelled"},`+
		`"merchant_email":"merchant@testemail.com","payment_method":{"type":"scheme","store_payment_method":true},`+
		`"billing_address":{"country":"JP","email":"billing@testemail.com","phone_number":"8112345678",`+
		`"address1":"1-2-3 Shinjuku","city":"Shinjuku-ku","state":"Tokyo","postal_code":"1600022"},`+
		`"shipping_address":{"country":"JP","email":"shipping@testemail.com","phone_number":"8112345678",`+
		`"address1":"1-2-3 Shinjuku","city":"Shinjuku-ku","state":"Tokyo","postal_code":"1600022"}}`+"\n", ref, amount)
	return err
}

// ordersFile returns a file of n orders, one a line, that is made once.
func (b *Bench) ordersFile(n int) (string, error) {
	path := filepath.Join(b.dir, fmt.Sprintf("orders-%d.jsonl", n))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	for i := range n {
		if err := writeOrder(w, ref(i), 1000+i); err != nil {
			return "", err
		}
	}
	return path, w.Flush()
}

// averageLine is the size of an order in such a file.
func averageLine(path string, n int) (int, error) {
	f, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return int(f.Size())/n - len("\n"), nil
}
