# The ways into the project. Each target sets up what it needs on a Debian 12 machine that has Rust.

SHELL := /bin/bash
CARGO ?= cargo
TOOLS := $(CURDIR)/target/tools
export PATH := $(TOOLS)/bin:$(HOME)/.cargo/bin:$(PATH)
# A job of a thousand tasks keeps some thousand files and sockets open.
ULIMIT := ulimit -n 65536 2>/dev/null || true

.PHONY: run test lint bench build sim clean help

help: ## This list.
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

build: ## Builds the binary `kaon`.
	$(CARGO) build --bin kaon

run: build ## Starts a small cluster, runs a real job on it, says where to look.
	@$(ULIMIT); scripts/run-demo target/debug/kaon

test: ## Runs every tier of tests that exists.
	@scripts/ensure nextest
	@scripts/ensure zookeeper
	@$(ULIMIT); $(CARGO) nextest run --workspace
	$(CARGO) test --workspace --doc --quiet
	@# Not beside tests with deadlines: cold, it takes all processors for minutes.
	$(CARGO) build --quiet --profile simulation -p kaon-sim --bin kaon-sim --features sabotage
	@# The first need nothing but a processor, of which the second leave much idle.
	@$(ULIMIT); nice scripts/test-simulations & simulations=$$!; \
	    scripts/test-shells; shells=$$?; wait $$simulations && exit $$shells

lint: ## Format, clippy, licences and sources of what we depend on.
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	@scripts/ensure deny
	$(CARGO) deny --log-level error check bans licenses sources

bench: ## The benchmarks, with figures as ratios within one run.
	$(CARGO) build --release --bin kaon --bin kaon-load
	@$(ULIMIT); scripts/bench target/release

sim: ## A thousand simulated clusters.
	$(CARGO) run --release --bin kaon-sim -- --seeds 1000

clean: ## Removes what was built.
	$(CARGO) clean
