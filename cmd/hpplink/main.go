// Command hpplink turns orders in Redis into hosted-payment-page links; see README.md.
package main

import (
	"os"
	_ "time/tzdata" // the image has no time zones of its own, and not every machine has them

	"github.com/hpplink/hpplink/internal/cli"
)

func main() { os.Exit(cli.Main()) }
