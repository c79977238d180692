// Package faults proves the promise (no order lost, no order with two published links) by doing
// to the real program what life will do to it, and counting side effects.
//
// Each row (rows.go) is a system of its own: a redis-server with an append-only file, the
// simulated gateway and two workers as processes, a network between them that can be made bad. What is counted is what others see: the result stream, as a consumer followed it, against
// the journal of the gateway. Everything but this comment is built with the tag "faults" only:
//
//	make faults              every row, small: about two minutes on two cores
//	make faults FAULTS=long  every row at full size
//	FAULTS_SEED=7 go test -tags faults -v -run TestFaults/rows/kill ./internal/faults
//
// The seed decides what is left to chance here and at the gateway. It does not decide how the
// processes are scheduled, so a run repeats in kind, not to the microsecond.
//
// The package knows how to start, harm and count. It shares no rule of the domain with the
// program, so that a mistake there shows here.
package faults
