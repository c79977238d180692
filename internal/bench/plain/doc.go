// Package plain holds what hpplink is measured against: the worker that a competent developer writes in an afternoon with
// asynq, go-redis and net/http, the same without doing anything, which is the queue's own limit, and the enqueueing for
// both.
//
// The plain worker is meant to be as good as such a worker gets in a hundred lines, with the libraries' default settings: it
// keeps its connections, does a ref once, gives the ref back when the call failed, and hands the result on. It does not know
// that a worker may be killed between two of its steps.
package plain
