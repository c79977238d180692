//go:build faults

package faults

import "slices"

// rows is the table of faults.
var rows = slices.Concat(killRows, stopRows, redisRows, queueRows, clockRows, gatewayRows, mailRows, allRows)
