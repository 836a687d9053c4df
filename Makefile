# Python 3.11 or later and pip are all that is assumed. `make help` lists what there is.
PYTHON ?= $(shell for each in python3.11 python3.12 python3.13 python3.14 python3; do \
	command -v $$each >/dev/null 2>&1 && $$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$each && break; done)
BIN := .venv/bin
.DEFAULT_GOAL := help

.PHONY: help run test check bench fanout lock schema format clean

help: ## List the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /	/' | awk -F '\t' '{printf "make %-8s %s\n", $$1, $$2}'

run: .venv/run ## Install, migrate, fill an empty database with a demo, and serve on http://127.0.0.1:8000
	$(BIN)/python -m cli serve --demo

test: .venv/dev ## The whole suite: on SQLite, and on Postgres and Redis where they are to be had
	$(BIN)/python tests/run.py

check: .venv/dev ## Lint, types, import rules, contract, printed schema
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python tests/contract.py
	$(BIN)/python -m pytest tests/unit/schema tests/unit/test_architecture.py

bench: .venv/dev ## The small benchmarks, and queries beside others for three minutes; figures belong into benchmarks/RESULTS.md
	$(BIN)/python -m benchmarks

fanout: .venv/dev ## The benchmark of live events beside Node.js: 15 to 20 minutes; needs cc, Node.js, Postgres and Redis
	$(BIN)/python -m benchmarks fanout

schema: .venv/dev ## Print the schema into schema/schema.graphql
	$(BIN)/python -m cli schema print > schema/schema.graphql.new
	mv schema/schema.graphql.new schema/schema.graphql

format: .venv/dev ## Format the code
	$(BIN)/ruff check --fix --select I .
	$(BIN)/ruff format .

lock: .venv/dev ## Renew the hashed locks from pyproject.toml
	$(BIN)/uv pip compile --quiet --upgrade $(LOCK) pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --quiet --upgrade $(LOCK) pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt
LOCK := --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11

clean: ## Remove what was installed and made, but not data/
	rm -rf .venv build dist *.egg-info tests/live/node/node_modules benchmarks/*/peers/node_modules

# The two stamps hold what is installed: what runs, and what develops.
.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed; set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/run: requirements.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

.venv/dev: requirements-dev.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@ .venv/run
