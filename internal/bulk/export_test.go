package bulk

// SmallPages has files worked on in pages of a few rows, until undo is called.
func SmallPages(n int) (undo func()) {
	was := pageRows
	pageRows = n
	return func() { pageRows = was }
}
