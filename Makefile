# Comanda's tasks. `make run` and `make test` are the two to know; `make help` lists the rest.
# Everything happens in .venv and node_modules; stamp files in .venv/.done say what is installed already.

VENV := .venv
BIN := $(VENV)/bin
DONE := $(VENV)/.done
VENDOR := static/vendor/socket.io.esm.min.js
UV = $(shell PATH="$(CURDIR)/$(BIN):$$PATH" command -v uv)
NODE = $(shell PATH="$$PATH:$(CURDIR)/$(BIN)" command -v node)
# Versions and hashes, and nothing of where packages come from.
LOCK = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	--no-header --no-annotate

DOORS := --extra whatsapp --extra printer
PROVIDERS := $(DOORS) --extra openai --extra openai-like --extra anthropic --extra ollama

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MINUTES ?= 30
EXAMPLES ?= 100
# Tests with the mark `alone` measure times, or fill the machine. They run last, in one process. The others share four, a
# file at a time: twice as many as a small machine has processors, because many wait for other processes.
WORKERS ?= 4
# Tests are kept compiled, also in images that switch that off: compiling them takes each process five seconds.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/pytest --durations=10 --durations-min=1
.PHONY: help setup run test lint types chaos bench bench-growth fuzz wheel client client-types licences lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: $(DONE)/runtime $(VENDOR) ## install what `make run` needs; a second time does nothing

run: setup ## start the hub with demo data; ARGS="--speed 5" is passed on
	@$(BIN)/comanda demo $(ARGS)

test: lint types $(VENDOR) ## everything CI checks; ARGS="-k name" or ARGS=tests/domain goes to pytest
	@if [ -n "$(NODE)" ] && ls tests/js/*.test.mjs >/dev/null 2>&1; then "$(NODE)" --test tests/js/*.test.mjs; fi
ifeq ($(findstring tests/,$(ARGS)),)
	@$(PYTEST) -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not alone" $(ARGS) || [ $$? -eq 5 ]
	@$(PYTEST) -m alone $(ARGS) $(shell grep -rl --include='*.py' 'mark\.alone' tests) || [ $$? -eq 5 ]
else
	@$(PYTEST) $(ARGS)
endif

lint: $(DONE)/dev ## ruff and the import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

types: $(DONE)/dev ## mypy --strict
	@$(BIN)/mypy

chaos: $(DONE)/dev $(VENDOR) ## kill, stall and cut everything for MINUTES=30, and check what arrives; SEED=7 does it again
	@$(if $(SEED),,CHAOS_LONG=1 $(BIN)/pytest tests/chaos)
	@$(BIN)/python -m tests.chaos --minutes $(MINUTES) $(if $(SEED),--seed $(SEED)) $(ARGS)

bench: $(DONE)/dev $(VENDOR) ## measure, side by side with others; ARGS="big --with comanda,node" or --quick
	@$(BIN)/python -m bench $(ARGS)

bench-growth: $(DONE)/dev ## what a delivery costs with 100 to 10,000 sockets, with 10 to 50,000 rooms
	@$(BIN)/python -m bench.growth $(ARGS)

fuzz: $(DONE)/dev ## ask a hub all that its OpenAPI document says, EXAMPLES=100 of each call, and compare the answers with the document
	@FUZZ_EXAMPLES=$(EXAMPLES) FUZZ_S=7200 $(BIN)/pytest tests/gateways/test_contract_fuzzed.py

wheel: setup ## build the wheel, with the pages and their libraries inside, and the sdist, in dist/
	@$(BIN)/python -m hatchling build --clean

client: setup ## pack the JavaScript client, with its React hooks and types, into an npm tarball in build/
	@$(BIN)/python -m scripts.pack_client

client-types: setup ## write the JavaScript client's types anew, from the hub's AsyncAPI document
	@$(BIN)/python -m scripts.write_client_types client/contract.d.ts

licences: $(DONE)/dev ## list every package with its licence in build/licences.md; fails on one that may not be used
	@$(BIN)/python scripts/list_licences.py build/licences.md

lock: $(DONE)/dev ## write the pinned requirements anew; ARGS=--upgrade takes the newest versions
	$(LOCK) $(ARGS) pyproject.toml $(PROVIDERS) --extra dev --output-file requirements-dev.txt
	$(LOCK) pyproject.toml $(PROVIDERS) -c requirements-dev.txt --output-file requirements-models.txt
	$(LOCK) pyproject.toml --extra agent $(DOORS) -c requirements-dev.txt --output-file requirements.txt
	$(LOCK) pyproject.toml -c requirements-dev.txt --output-file requirements-hub.txt
	$(LOCK) $(ARGS) --group build -c requirements-dev.txt --output-file requirements-build.txt
	$(LOCK) $(ARGS) --group node --output-file requirements-node.txt

clean: ## remove everything that was installed or built; orders in data/ stay
	rm -rf $(VENV) node_modules static/vendor build dist
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(DONE)/venv: scripts/create_venv.sh
	@sh scripts/create_venv.sh $(VENV)
	@mkdir -p $(DONE) && touch $@

$(DONE)/runtime: requirements.txt requirements-build.txt pyproject.toml $(DONE)/venv
	@sh scripts/install_python_packages.sh $(VENV) requirements.txt
	@touch $@

$(DONE)/dev: requirements-dev.txt requirements-build.txt pyproject.toml $(DONE)/venv
	@sh scripts/install_python_packages.sh $(VENV) requirements-dev.txt
	@touch $@ $(DONE)/runtime

$(VENDOR): package.json package-lock.json scripts/vendor_browser_libraries.py $(DONE)/venv
	@$(BIN)/python scripts/vendor_browser_libraries.py
	@touch $@
