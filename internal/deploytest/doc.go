// Package deploytest tests what is in deploy: that every alert fires when it should, has its entry in the runbook, and that
// rules and dashboard ask for metrics that there are; that the image's files are the same wherever they are built, and suffice to work
// an order, alone and as docker-compose.yml has it; that Kubernetes and systemd take what is there for them; and that what the pages
// say of commands, variables, figures and Redis is true. It holds tests only.
//
// It needs promtool, and installs it with deploy/install-prometheus.sh where it can; redis-server with redis-cli; on Linux unshare, of
// util-linux 2.38 or newer, and systemd-analyze, of the package systemd, which need not run. What checks compose files and manifests
// is fetched as Go modules, which the program does not depend on. What takes a running Prometheus is built with the tag "alerts" only:
//
//	make alerts   a real Prometheus, the real program, and faults: each alert fires, and clears
package deploytest
