# Comanda's tasks. `make run` and `make test` are the two to know; `make help` lists the rest.
# Everything happens in .venv and node_modules; stamp files in .venv/.done say what is installed already.

VENV := .venv
BIN := $(VENV)/bin
DONE := $(VENV)/.done
VENDOR := static/vendor/socket.io.esm.min.js
UV = $(shell PATH="$(CURDIR)/$(BIN):$$PATH" command -v uv)
NODE = $(shell PATH="$$PATH:$(CURDIR)/$(BIN)" command -v node)
LOCK = $(UV) pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --no-header --no-annotate

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MINUTES ?= 30
# Folders of tests that may run in several processes at once. The others start whole hubs, browsers and proxies, and
# want the machine for themselves.
SIDE_BY_SIDE := agents contract domain eventlog gateways protocol services setup simulate
WORKERS ?= 2
.PHONY: help setup run test lint types chaos bench bench-growth lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: $(DONE)/runtime $(VENDOR) ## install what `make run` needs; a second time does nothing

run: setup ## start the hub with demo data; ARGS="--speed 5" is passed on
	@$(BIN)/comanda demo $(ARGS)

test: lint types $(VENDOR) ## everything CI checks; ARGS="-k name" or ARGS=tests/domain goes to pytest
	@if [ -n "$(NODE)" ] && ls tests/js/*.test.mjs >/dev/null 2>&1; then "$(NODE)" --test tests/js/*.test.mjs; fi
ifeq ($(findstring tests/,$(ARGS)),)
	@$(BIN)/pytest -n $(WORKERS) --dist loadfile $(addprefix tests/,$(SIDE_BY_SIDE)) $(ARGS) || [ $$? -eq 5 ]
	@$(BIN)/pytest $(addprefix --ignore=tests/,$(SIDE_BY_SIDE)) $(ARGS) || [ $$? -eq 5 -a -n "$(ARGS)" ]
else
	@$(BIN)/pytest $(ARGS)
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

lock: $(DONE)/dev ## write the pinned requirements anew; ARGS=--upgrade takes the newest versions
	$(LOCK) $(ARGS) pyproject.toml --output-file requirements.txt
	$(LOCK) $(ARGS) pyproject.toml --extra dev --extra openai-like --extra anthropic --extra ollama -c requirements.txt --output-file requirements-dev.txt
	$(LOCK) $(ARGS) --group node --output-file requirements-node.txt

clean: ## remove everything that was installed or built; orders in data/ stay
	rm -rf $(VENV) node_modules static/vendor build dist
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(DONE)/venv: scripts/create_venv.sh
	@sh scripts/create_venv.sh $(VENV)
	@mkdir -p $(DONE) && touch $@

$(DONE)/runtime: requirements.txt pyproject.toml $(DONE)/venv
	@sh scripts/install_python_packages.sh $(VENV) requirements.txt
	@touch $@

$(DONE)/dev: requirements-dev.txt pyproject.toml $(DONE)/venv
	@sh scripts/install_python_packages.sh $(VENV) requirements-dev.txt
	@touch $@ $(DONE)/runtime

$(VENDOR): package.json package-lock.json scripts/vendor_browser_libraries.py $(DONE)/venv
	@$(BIN)/python scripts/vendor_browser_libraries.py
	@touch $@
