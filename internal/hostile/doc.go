// Package hostile tests the ways in with what nobody should send, and with odd orders that are right all the same. It holds
// tests only.
//
// One table of events goes through all doors of one running process: HTTP, a batch of lines over HTTP, the stream of orders,
// tasks of a plain asynq client, and the command line. Each row has one answer, the same at every door. What was refused is
// answered and forgotten; what is odd but right gets its link, and is found by its name everywhere.
//
// Others plant personal data and secrets in good, bad and failing orders, in requests and in settings, and hunt for them, in all
// forms in which they may show, in all that the process says: logs of any level, answers, errors, results, metrics, traces, pages,
// the dashboard's data, what commands print, and every key in Redis but those that hold the orders. Metadata and the names of unknown
// keys are repeated to who handed them in, by contract, and nowhere else.
package hostile
