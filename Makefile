# hpplink. `make` lists what there is to do; `make run` and `make test` need Go and nothing else.

GO         ?= go
FUZZTIME   ?= 10s
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2

# Packages tested at once, and tests within one. More would be quicker, since most wait, and less sure: they also look at times.
ATONCE     ?= 2
TEST        = $(GO) test -p $(ATONCE) -parallel $(ATONCE)

# The packages with something side by side in one process. What most others start are processes, into which the race detector does
# not see; the ledger's scripts run in Redis, and around them it sees what these packages do with the ledger.
RACED       = $$($(GO) list ./internal/... | grep -v -e /hostile -e /fleet -e /sheet -e /demo -e /order -e /sandbox -e /bench -e /deploytest -e /doctor -e /redistest -e /cli -e /ledger -e '/web$$')

# As in deploy/image.sh, so that program, image and tests are made of the same compiled packages. The race detector needs cgo.
export CGO_ENABLED ?= 0
export GOFLAGS     ?= -trimpath

.DEFAULT_GOAL := help
.PHONY: help run build test race rest vet lint fuzz load faults fleet kill backlog model ways mailbox bulk bench bench-check alerts redis-server chromium prometheus clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## See it work: 1,000 orders on an embedded Redis and a simulated gateway
	@bin/hpplink demo

build: ## Build bin/hpplink
	@$(GO) build -o bin/hpplink ./cmd/hpplink

test: vet redis-server chromium prometheus ## Run all tests, on miniredis and on a real redis-server of their own
	$(TEST) ./...

race: redis-server ## Run the tests of what runs side by side with the race detector
	CGO_ENABLED=1 $(TEST) -race $(RACED)

rest: redis-server chromium prometheus ## Run the tests that `make race` does not
	raced="$(RACED)" && $(TEST) $$($(GO) list ./... | grep -v -x -F "$$raced")

vet: # Look for what compiles and is wrong, in every shape of the program
	$(GO) vet ./...
	$(GO) vet -tags faults ./internal/killpoint ./internal/faults
	$(GO) vet -tags unobserved ./internal/app
	$(GO) vet -tags alerts ./internal/deploytest

lint: vet ## Check form, style and go.mod
	@out=$$(gofmt -l cmd internal); [ -z "$$out" ] || { echo "gofmt would change:"; echo "$$out"; exit 1; }
	$(GO) mod tidy -diff
	$(GO) run $(STATICCHECK) ./...

# What guides the fuzzer: new ways through our own code and the JSON library. With `go test -fuzz` it is those through all
# dependencies, each of which is compiled for it, and a sixth of the inputs in the same time.
GUIDED      = $(foreach p,github.com/hpplink/hpplink github.com/go-json-experiment/json,-gcflags=$(p)/...=-d=libfuzzer)

fuzz: ## Fuzz every decoder for FUZZTIME (10s) each
	@program=$$(mktemp) && trap 'rm -f "$$program"' EXIT && \
	$(GO) list -f '{{.ImportPath}} {{.Dir}} {{join .TestGoFiles " "}} {{join .XTestGoFiles " "}}' ./... | while read -r package dir files; do \
	  names=$$(cd $$dir && [ -n "$$files" ] && sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' $$files); \
	  [ -z "$$names" ] || $(GO) test -c $(GUIDED) -o "$$program" $$package || exit 1; \
	  for name in $$names; do \
	    echo "fuzzing $$name"; \
	    (cd $$dir && "$$program" -test.run '^$$' -test.fuzz "^$$name\$$" -test.fuzztime $(FUZZTIME) -test.fuzzminimizetime 20x \
	      -test.fuzzcachedir "$$($(GO) env GOCACHE)/fuzz/$$package") || exit 1; \
	  done; \
	done

load: redis-server ## Two worker processes, 64 producers, 20,000 orders: count links and scripts
	HPPLINK_LOAD=20000 $(GO) test -count=1 -v -run 'TestLoad' ./cmd/hpplink

faults: redis-server ## Harm the real program in every way we know and count links; FAULTS=long for full size
	FAULTS=$(FAULTS) $(GO) test -tags faults -count=1 -v -parallel 4 -timeout 45m -run TestFaults ./internal/faults

fleet: redis-server ## Several processes on a cluster, before a slow gateway, in an upgrade, at full size (10 minutes; nothing else may run)
	HPPLINK_FLEET=full $(GO) test -count=1 -v -timeout 30m ./internal/fleet

kill: redis-server ## Kill a worker, and see how long its orders wait; the same with plain asynq
	HPPLINK_COMPARE=1 $(GO) test -count=1 -v -run 'AfterAKill|Killed' ./cmd/hpplink

backlog: redis-server ## A worker in front of 1,000,000 waiting orders: its speed, and what the reaper costs
	HPPLINK_BACKLOG=1000000 $(GO) test -count=1 -v -timeout 30m -run 'TestBacklog' ./cmd/hpplink

ways: redis-server ## Orders by every way at once, through kills and reloads, at full size
	HPPLINK_WAYS=full $(GO) test -count=1 -v -timeout 20m -run 'TestWays|TestReadme' ./cmd/hpplink

bulk: redis-server ## Files of 1,000,000 rows, kill -9 on the way, interactive orders beside a batch
	HPPLINK_BULK=1000000 $(GO) test -count=1 -v -timeout 30m -run 'TestBulkLoad$$' ./cmd/hpplink
	HPPLINK_BULK_KILL=20000 $(GO) test -count=1 -v -timeout 10m -run TestBulkKilled ./cmd/hpplink
	HPPLINK_BULK_WAITING=100000 $(GO) test -count=1 -v -timeout 10m -run TestInteractiveOrdersPassBulk ./cmd/hpplink

mailbox: redis-server ## 500 emails by another mail server (python3-aiosmtpd), read by another program
	HPPLINK_MAILSERVER=aiosmtpd $(GO) test -count=1 -v -run TestEmailsInAnother ./cmd/hpplink

model: redis-server ## Hold the ledger against its model 10,000 times on a real redis-server
	$(GO) test -count=1 -timeout 30m -run 'Interleavings/^redis$$' ./internal/ledger -rapid.checks=10000

bench: redis-server ## Measure hpplink beside a plain asynq worker, in some 5 minutes; BENCH=long for full size
	@mkdir -p bin && $(GO) build -o bin/bench ./cmd/bench && bin/bench --raw bin/bench.jsonl $(if $(filter long,$(BENCH)),--long)

bench-check: redis-server ## Fail when a link costs the worker more than 0.8 of a plain worker's CPU time
	@mkdir -p bin && $(GO) build -o bin/bench ./cmd/bench && bin/bench check

redis-server: # Make sure that the tests find a redis-server
	@command -v redis-server >/dev/null || sh deploy/install-redis.sh

alerts: redis-server prometheus ## A real Prometheus watches the real program under faults: each alert fires and clears (15 minutes)
	$(GO) test -tags alerts -count=1 -v -timeout 40m -run TestAlertsFire ./internal/deploytest

prometheus: # Make sure that the tests find promtool
	@command -v promtool >/dev/null || sh deploy/install-prometheus.sh

chromium: # Make sure that the tests find a browser
	@sh deploy/install-chromium.sh

clean: ## Remove what was built
	rm -rf bin
