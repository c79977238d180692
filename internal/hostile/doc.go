// Package hostile tests the ways in with what nobody should send, and with odd orders that are right all the same. It holds
// tests only.
//
// One table of events goes through all doors of one running process: HTTP, a batch of lines over HTTP, the stream of orders,
// tasks of a plain asynq client, and the command line. Each row has one answer, the same at every door. What was refused is
// answered and forgotten; what is odd but right gets its link, and is found by its name everywhere.
//
// A second test plants personal data and secrets in good, bad and failing orders, and looks for them in all that the process
// says: logs, answers, results, tasks and lists.
package hostile
