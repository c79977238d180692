package cli

import "github.com/hpplink/hpplink/internal/lookup"

// visible writes out what would break a line or steer the terminal.
func visible(s string) string { return lookup.Visible(s) }
