// Package deploytest tests what is in deploy: that every alert fires when it should, has its entry in the runbook, and that
// rules and dashboard ask for metrics that there are. It holds tests only.
//
// It needs promtool, and installs it with deploy/install-prometheus.sh where it can. What takes a running Prometheus is built
// with the tag "alerts" only:
//
//	make alerts   a real Prometheus, the real program, and faults: each alert fires, and clears
package deploytest
