package app

import (
	"time"

	"github.com/hpplink/hpplink/internal/worker"
)

// lastWords is what the stream intake, the counts and the traces may still write at the end, one after the other.
const lastWords = 15 * time.Second

// LongestWebStop is how long a process without the role worker may take to end once it was asked to: whoever runs it is to wait as
// long before it is killed.
const LongestWebStop = lastAnswers + lastWords

// LongestStop is the same for a process with that role, while Redis answers. call is the longest that a call of the gateway may
// take; emails says whether the process sends some.
func LongestStop(call time.Duration, emails bool) time.Duration {
	inFlight := call + afterGateway
	if emails {
		inFlight = max(inFlight, worker.MailTimeout+afterGateway)
	}
	return LongestWebStop + inFlight + goodbye
}
