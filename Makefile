# All developer commands in one place. `make` alone lists the targets.
#
# Needed: Rust (rustup), Python 3.11 or later with venv and pip, GNU make, git, a C compiler. All else is installed
# inside the project: in .venv (cargo-lambda, SAM, moto, schemathesis, Node.js, Java), .tools (cargo-deny, DynamoDB
# Local) and node_modules.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SECONDARY: # what was installed stays
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
VENV := .venv
DEV_TOOLS := $(VENV)/.dev-tools
TEST_TOOLS := $(VENV)/.test-tools
AWS_TOOLS := $(VENV)/.aws-tools
DOCS_TOOLS := $(VENV)/.docs-tools
BENCH_TOOLS := $(VENV)/.bench-tools
NODE := $(VENV)/.node-tools
CLIENT_TOOLS := $(VENV)/.clients-tools
NODE_TOOLS := tools/node/node_modules/.package-lock.json
NODE_CLIENTS := tests/interop/node_modules/.package-lock.json
# The project's own tools come first.
WITH_TOOLS := PATH="$(CURDIR)/$(VENV)/bin:$$PATH"

CARGO_DENY_VERSION := 0.20.2
CARGO_DENY := .tools/cargo-deny-$(CARGO_DENY_VERSION)/bin/cargo-deny

LOCAL_DIR ?= .local
# The part of the benchmark that `make bench` runs. Empty: all parts, written to docs/benchmarks.md.
BENCH ?=
# The environment for `make deploy`: a section of samconfig.toml.
ENV ?= dev

.PHONY: help
help: ## Lists the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-19s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  API_PORT, DYNAMODB_PORT and every variable of the functions change what make dev runs."

.PHONY: dev
dev: cargo $(DEV_TOOLS) ## Runs the whole service on this machine
	cargo build --bins
	@cargo run --quiet --bin local -- up

.PHONY: dev-db
dev-db: cargo ## Runs only DynamoDB, with table, keys and demo account (beside it: cargo lambda watch)
	cargo build --bin local
	@cargo run --quiet --bin local -- db

.PHONY: dev-reset
dev-reset: ## Wipes the local database and signing keys
	rm -f "$(LOCAL_DIR)"/dynamodb.db* "$(LOCAL_DIR)"/signing-keys.json

.PHONY: import
import: cargo ## Creates the accounts of a file of JSON lines: make import FILE=… (on AWS: FUNCTION=…)
	@test -n "$(FILE)" || { echo "FILE is not set: make import FILE=users.jsonl" >&2; exit 1; }
	cargo build --bin local
	@# Not through `cargo run`, whose environment would hide the AWS CLI's own credentials and region.
	@"$${CARGO_TARGET_DIR:-target}/debug/local" import "$(FILE)" $(FUNCTION)

.PHONY: erase-archived
erase-archived: $(TEST_TOOLS) ## Erases an account's events from the archive: make erase-archived BUCKET=… USER_ID=…
	@test -n "$(BUCKET)" -a -n "$(USER_ID)" || { echo "Say: make erase-archived BUCKET=… USER_ID=…" >&2; exit 1; }
	@$(VENV)/bin/python scripts/erase-archived "$(BUCKET)" "$(USER_ID)"

.PHONY: test
test: cargo $(DEV_TOOLS) $(TEST_TOOLS) $(DOCS_TOOLS) ## Runs all tests
	cargo build --bins
	cargo test --workspace
	$(WITH_TOOLS) $(VENV)/bin/python tests/contract/walk.py
	$(WITH_TOOLS) $(VENV)/bin/python tests/contract/keys_walk.py
	$(WITH_TOOLS) $(VENV)/bin/python tests/interop/verify_with_pyjwt.py
	$(WITH_TOOLS) $(VENV)/bin/python tests/interop/backends.py python
	$(WITH_TOOLS) $(VENV)/bin/python tests/contract/contract.py

.PHONY: test-interop
test-interop: cargo $(DEV_TOOLS) $(TEST_TOOLS) $(CLIENT_TOOLS) $(NODE_CLIENTS) ## Tests with clients by others, generated ones among them
	cargo build --bins
	$(WITH_TOOLS) $(VENV)/bin/python tests/interop/node.py
	$(WITH_TOOLS) $(VENV)/bin/python tests/interop/authlib_client.py
	$(WITH_TOOLS) $(VENV)/bin/python tests/interop/apache.py
	$(WITH_TOOLS) $(VENV)/bin/python tests/interop/backends.py typescript
	$(WITH_TOOLS) $(VENV)/bin/python tests/interop/generated_clients.py

.PHONY: openapi
openapi: cargo ## Writes openapi.yaml anew, from what the functions declare
	cargo run --quiet --bin openapi > openapi.yaml.new
	mv openapi.yaml.new openapi.yaml

.PHONY: docs
docs: $(DOCS_TOOLS) ## Serves openapi.yaml as a page to try requests from, against make dev
	@$(VENV)/bin/python scripts/docs

.PHONY: test-dynamodb-local
test-dynamodb-local: cargo $(DEV_TOOLS) $(TEST_TOOLS) $(CLIENT_TOOLS) $(NODE) ## Tests store and endpoints on Amazon's DynamoDB Local
	cargo build --bins
	$(WITH_TOOLS) $(VENV)/bin/python scripts/dynamodb-local cargo test -p tests

.PHONY: e2e
e2e: ## Walks through a session of a deployment: make e2e API_URL=https://…
	@test -n "$(API_URL)" || { echo "API_URL is not set: make e2e API_URL=https://…" >&2; exit 1; }
	API_URL="$(API_URL)" $(PYTHON) tests/contract/walk.py

# Each function is built with its deployed features: only `prune` contains what it needs for S3.
.PHONY: bench
bench: cargo $(BENCH_TOOLS) ## Measures everything (make bench BENCH=start: one part) and compares with the budgets
	cargo build --release --bins $(patsubst functions/%,--package %,$(filter-out functions/prune,$(wildcard functions/*)))
	cargo build --release --bins --package prune
	cargo build --release --bins --package hello
	cargo run --quiet --release --package bench -- $(BENCH)

.PHONY: lint
lint: cargo $(AWS_TOOLS) $(TEST_TOOLS) $(CARGO_DENY) $(NODE_TOOLS) ## Checks format, lints, docs, dependencies, template and openapi.yaml
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet
	$(CARGO_DENY) check --hide-inclusion-graph bans licenses sources
	scripts/development-only
	cargo run --quiet --locked --bin openapi -- --check openapi.yaml
	$(WITH_TOOLS) REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true tools/node/node_modules/.bin/redocly lint \
	    openapi.yaml
	SAM_CLI_TELEMETRY=0 $(VENV)/bin/sam validate --lint --region us-east-1
	$(VENV)/bin/cfn-lint template.yaml
	$(VENV)/bin/python tests/deployment/template_stack.py
	scripts/advisories $(CARGO_DENY)

.PHONY: build
build: cargo $(DEV_TOOLS) $(AWS_TOOLS) ## Builds all functions for Lambda (sam build)
	$(WITH_TOOLS) SAM_CLI_TELEMETRY=0 $(VENV)/bin/sam build --config-env "$(ENV)"

.PHONY: test-build
test-build: cargo $(DEV_TOOLS) $(AWS_TOOLS) $(TEST_TOOLS) ## Builds all functions for this machine's kind of Lambda, and calls each
	$(WITH_TOOLS) SAM_CLI_TELEMETRY=0 $(VENV)/bin/sam build --build-dir .aws-sam/test \
	    --parameter-overrides Architecture=$(if $(filter x86_64,$(shell uname -m)),x86_64,arm64)
	FUNCTIONS_DIR=.aws-sam/test cargo test -p tests --test smoke -- --nocapture

.PHONY: deploy
deploy: credentials build ## Deploys what was built: make deploy ENV=prod
	SAM_CLI_TELEMETRY=0 $(VENV)/bin/sam deploy --config-env "$(ENV)"

.PHONY: credentials
credentials: $(AWS_TOOLS)
	@$(VENV)/bin/python -c 'import boto3, sys; aws = boto3.Session(); sys.exit( \
	    "make deploy: there are no AWS credentials (aws configure sso, AWS_PROFILE, or AWS_ACCESS_KEY_ID and its secret)" \
	    if aws.get_credentials() is None else \
	    "make deploy: there is no AWS region to deploy to (AWS_DEFAULT_REGION, or the profile'"'"'s)" \
	    if aws.region_name is None else 0)'

# --- What the targets need -------------------------------------------------------------------------------------

.PHONY: cargo
cargo:
	@command -v cargo >/dev/null || { echo "Rust is missing: install it from https://rustup.rs" >&2; exit 1; }

$(VENV)/bin/python:
	@command -v "$(PYTHON)" >/dev/null || { \
	    echo "$(PYTHON) is missing: install Python 3.11 or later, or name it: make … PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "$(PYTHON) is too old: Python 3.11 or later is needed (make … PYTHON=/path/to/python3)" >&2; exit 1; }
	@"$(PYTHON)" -m venv "$(VENV)" || { rm -rf "$(VENV)"; \
	    echo "$(PYTHON) cannot make a virtual environment: install its venv module (Debian, Ubuntu: apt install" \
	        "python3-venv)" >&2; exit 1; }

# cargo-lambda without its 400 MB of zig, needed only for builds.
$(DEV_TOOLS): PIP_FLAGS := --no-deps

$(VENV)/.%-tools: tools/requirements-%.txt | $(VENV)/bin/python
	@echo "Installing what $< names into $(VENV) (once) …"
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS) -r $< || { \
	    echo "pip could not install what $< names; is there a network?" >&2; exit 1; }
	@touch $@

# npm writes this file last.
%/node_modules/.package-lock.json: %/package-lock.json $(NODE)
	@echo "Installing what $< names into $*/node_modules (once) …"
	@cd $* && $(WITH_TOOLS) npm ci --no-audit --no-fund --loglevel=error || { \
	    echo "npm could not install what $< names; is there a network?" >&2; exit 1; }
	@touch $@

$(CARGO_DENY):
	@echo "Building cargo-deny into .tools (once, takes two minutes) …"
	cargo install --quiet --locked --root .tools/cargo-deny-$(CARGO_DENY_VERSION) cargo-deny \
	    --version $(CARGO_DENY_VERSION)
