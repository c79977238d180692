// Command hpplink turns orders in Redis into hosted-payment-page links; see README.md.
package main

import (
	"os"

	"github.com/hpplink/hpplink/internal/cli"
)

func main() { os.Exit(cli.Main()) }
