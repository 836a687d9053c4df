# Needs only Python 3.11 or later and pip. `make help` lists the targets.
PYTHON ?= $(shell for each in python3.11 python3.12 python3.13 python3.14 python3; do \
	command -v $$each >/dev/null 2>&1 && $$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$each && break; done)
BIN := .venv/bin
NODE_CLIENTS := $(patsubst %,%/node_modules/.package-lock.json,tests/live/node tests/live/oidc tests/live/s3 clients/typescript)
PYTHON_CLIENT := clients/python/dist/built
.DEFAULT_GOAL := help
# Without the compiled files that Python keeps, each process would compile the program anew: 6 instead of 3 seconds.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run web clients graphiql screenshots unit test stress coverage check bench fanout soak lock schema configuration format clean

help: ## List the targets, and how to run one test
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /	/' | awk -F '\t' '{printf "make %-13s %s\n", $$1, $$2}'
	@echo
	@echo "One test, on both databases:   make test T=tests/service/resolvers/test_ticket_lifecycle.py::test_name"
	@echo "One test, on SQLite, quickly:  $(BIN)/python -m pytest T       (--lf repeats those that failed, --ff begins with them)"
	@echo "With another seed:             TEST_SEED=7 make test T=…"

run: .venv/run ## Install, build the web applications, migrate, fill an empty database with sample data, and serve on http://127.0.0.1:8000
	@$(MAKE) --no-print-directory web || echo "The API runs without the web applications."
	@nice -n 10 $(BIN)/python web/build_web.py --graphiql &
	$(BIN)/python -m cli serve --demo

web: .venv/web ## Build the web applications into web/dist if a source is newer; needs npm's registry the first time
	$(BIN)/python web/build_web.py

clients: $(PYTHON_CLIENT) clients/typescript/dist/index.js ## Build both clients: a wheel in clients/python/dist, and clients/typescript/dist

graphiql: .venv/web ## Build GraphiQL into web/graphiql/dist if a source is newer; `make run` does it in the background
	$(BIN)/python web/build_web.py --graphiql

screenshots: .venv/dev web ## Take pictures of the web applications into web/screenshots; the pictures of the documents with DOCS=--docs
	$(BIN)/python web/screenshots.py $(DOCS)

unit: .venv/dev python-client-for-tests ## The tests that need neither a database nor a server
	$(BIN)/python -m pytest -n 2 --dist worksteal tests/unit

test: .venv/dev $(NODE_CLIENTS) web-for-tests python-client-for-tests ## The whole suite, or T=path: on SQLite, then on Postgres with Redis if available
	$(BIN)/python tests/run.py $(T)

stress: .venv/dev $(NODE_CLIENTS) web-for-tests python-client-for-tests ## Random, kill and outage tests with other seeds, until one fails or MINUTES=10 have passed
	$(BIN)/python tests/stress.py $(or $(MINUTES),10) $(T)

coverage: .venv/dev $(NODE_CLIENTS) web-for-tests python-client-for-tests ## The whole suite with coverage measured; lists the modules by coverage
	rm -rf .coverage && mkdir .coverage
	$(BIN)/python -m coverage run tests/run.py $(T); status=$$?; \
	$(BIN)/python -m coverage combine --quiet && $(BIN)/python -m coverage report --sort=cover; exit $$status

check: .venv/dev $(PYTHON_CLIENT) ## Lint, types, import rules, contract, printed schema
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --threads 2
	$(BIN)/pyright --threads 2 -p clients/python
	$(BIN)/lint-imports
	$(BIN)/python web/build_web.py --check
	$(BIN)/python tests/contract.py
	$(BIN)/python -m cli schema print | diff - schema/schema.graphql || { echo "schema/schema.graphql is not current: make schema"; exit 1; }

bench: .venv/dev ## The small benchmarks, and queries compared with other servers for three minutes; results belong in benchmarks/RESULTS.md
	$(BIN)/python -m benchmarks

fanout: .venv/dev ## The benchmark of live events beside Node.js: 15 to 20 minutes; needs cc, Node.js, Postgres and Redis
	$(BIN)/python -m benchmarks fanout

soak: .venv/dev ## 500 sockets and steady writes for MINUTES=30: memory, descriptors and tasks must be flat; draws benchmarks/plots/soak-sqlite.svg
	$(BIN)/python -m benchmarks soak --minutes $(or $(MINUTES),30) $(SOAK)

schema: .venv/dev ## Print the schema into schema/schema.graphql
	$(BIN)/python -m cli schema print > schema/schema.graphql.new
	mv schema/schema.graphql.new schema/schema.graphql

configuration: .venv/dev ## Print the settings into docs/configuration.md
	sed '/^| variable/,$$d' docs/configuration.md > docs/configuration.new
	$(BIN)/python -m cli settings print >> docs/configuration.new
	mv docs/configuration.new docs/configuration.md

format: .venv/dev ## Format the code
	$(BIN)/ruff check --fix --select I .
	$(BIN)/ruff format .

lock: .venv/dev ## Renew the hashed locks from pyproject.toml
	$(BIN)/uv pip compile --quiet --upgrade $(LOCK) pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --quiet --upgrade $(LOCK) pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt
	$(BIN)/uv pip compile --quiet --upgrade $(LOCK) --group pyproject.toml:web -c requirements-dev.txt -o requirements-web.txt
	$(BIN)/uv pip compile --quiet --upgrade $(LOCK) clients/python/pyproject.toml -c requirements-dev.txt -o clients/python/requirements.txt
	$(BIN)/uv pip compile --quiet --upgrade $(LOCK) --group clients/python/pyproject.toml:generator -o clients/python/requirements-generator.txt
LOCK := --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11

clean: ## Remove installed packages, builds and caches, but not data/
	rm -rf .coverage .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	rm -rf .venv build dist *.egg-info tests/live/*/node_modules benchmarks/*/peers/node_modules
	rm -rf web/node_modules web/dist web/dist.* web/graphiql/node_modules web/graphiql/dist web/graphiql/dist.*
	rm -rf clients/python/.venv clients/python/build clients/python/dist clients/python/src/*.egg-info clients/python/src/ticketwire_client/generated
	rm -rf clients/typescript/node_modules clients/typescript/build clients/typescript/dist benchmarks/caches/node_modules

# Two stamp files record what is installed: the run-time packages, and the development packages.
.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed; set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/run: requirements.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

# Node.js for the build of the web applications.
.venv/web: requirements-web.txt | .venv/bin/python
	$(INSTALL) requirements-web.txt
	@touch $@

# .venv/dev has the same Node.js. Without the web applications their tests are skipped, and say so.
.PHONY: web-for-tests
web-for-tests: .venv/dev
	@$(BIN)/python web/build_web.py --all || true

# The Python client is generated in an environment of its own: the generator needs older packages
# than the service. Without it the tests of the client are skipped, and say so.
.PHONY: python-client-for-tests
python-client-for-tests: .venv/dev
	@$(MAKE) --no-print-directory $(PYTHON_CLIENT) || echo "The Python client is not built."

clients/python/.venv/generator: clients/python/requirements-generator.txt | .venv/dev
	$(BIN)/python -m venv --clear --without-pip clients/python/.venv
	$(BIN)/uv pip install --quiet --python clients/python/.venv/bin/python --require-hashes -r $< || \
		$(BIN)/python -m pip --python clients/python/.venv/bin/python install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(PYTHON_CLIENT): clients/python/.venv/generator schema/schema.graphql clients/python/pyproject.toml clients/python/README.md \
		clients/python/operations $(wildcard $(addprefix clients/python/,operations/* generator/*.py src/ticketwire_client/*.py src/ticketwire_client/py.typed))
	@rm -rf clients/python/build clients/python/dist clients/python/src/ticketwire_client/generated
	cd clients/python && PYTHONPATH=generator .venv/bin/ariadne-codegen >/dev/null
	$(BIN)/uv build --quiet --wheel --no-build-isolation --python clients/python/.venv/bin/python --out-dir clients/python/dist clients/python
	@touch $@

clients/typescript/dist/index.js: clients/typescript/node_modules/.package-lock.json $(wildcard clients/typescript/src/*.ts) clients/typescript/tsconfig.json
	cd clients/typescript && npm run --silent build

# uv, from the same lock, installs in a tenth of the time; pip is used if uv can't reach the packages.
.venv/dev: requirements-dev.txt | .venv/bin/python
	sed -n '/^uv==/,/[^\\]$$/p' requirements-dev.txt > .venv/uv.txt
	$(INSTALL) .venv/uv.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.txt || $(INSTALL) requirements-dev.txt
	@touch $@ .venv/run
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r

# The clients and the OpenID provider that live tests run under Node.js, and our own client with its
# compiler. Without npm their tests are skipped, and say so.
$(NODE_CLIENTS): %/node_modules/.package-lock.json: %/package-lock.json
	@command -v npm >/dev/null 2>&1 || echo "npm is not installed: the tests with Node.js will be skipped"
	@! command -v npm >/dev/null 2>&1 || (cd $* && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && touch node_modules/.package-lock.json)
