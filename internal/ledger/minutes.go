package ledger

// Minutes begins the keys of what all processes did in each minute.
func (k Keys) Minutes() string { return k.tag + "minutes:" }
