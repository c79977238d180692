package sheet

// For the tests of what has no door of its own.
var (
	Escape   = escape
	Unescape = unescape
	Exact    = exact
)
