package mail_test

import (
	"testing"

	"github.com/hpplink/hpplink/internal/mail"
)

func BenchmarkWrite(b *testing.B) {
	templates, l := builtin(b), mail.SampleLetter("ja")
	for b.Loop() {
		if _, err := templates.Write(l); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSend(b *testing.B) {
	srv := serve(b, script{})
	for name, perConnection := range map[string]int{"reused": 100, "anew": 1} {
		b.Run(name, func(b *testing.B) {
			s := sender(b, mail.Config{URL: "smtp://" + srv.address, Mails: perConnection})
			m := write(b, mail.SampleLetter("ja"))
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if a := s.Send(b.Context(), m); a.Outcome != mail.Sent {
						b.Fatalf("%+v", a)
					}
				}
			})
		})
	}
}
