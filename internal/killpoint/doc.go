// Package killpoint lets a test end or stop the program at a chosen place of an order's way.
//
// In a normal build At is empty and costs nothing. Built with the tag "faults", it reads two
// variables, each NAME:N or NAME:N:DELAY:
//
//	HPPLINK_KILL_AT  SIGKILL at the N-th pass of the point NAME, or the delay after it
//	HPPLINK_STOP_AT  from the N-th pass on hold everybody who passes; SIGSTOP after the delay;
//	                 SIGCONT lets all of them go on
//
// It knows the names that its callers use and nothing of what happens there.
package killpoint

// The places, in the order in which an attempt passes them.
const (
	BeforePost  = "before-post"  // the order is claimed, the gateway is about to be asked
	AfterAnswer = "after-answer" // the gateway has answered, the ledger does not know
	AfterReport = "after-report" // the ledger knows, the task's handler has not returned
	BeforeAck   = "before-ack"   // the handler has returned, the task is still in its queue
)
