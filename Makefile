# Two commands for a fresh machine: `make demo` and `make test`. Both do all the set-up they need.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
ARGS   ?=
# Two for each core, since many tests wait for a server.
JOBS   ?= $(shell echo $$((2 * $$(nproc 2>/dev/null || echo 2))))
SHELL  := /bin/bash

.PHONY: demo test check fmt servers clean help

help: ## show the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.runs ## run the tour; ARGS=--once ends after it
	@$(BIN)/gateway demo $(ARGS)

test: $(VENV)/.tests $(VENV)/.servers servers check ## run every check and every test
	@$(BIN)/pytest -n $(JOBS) --dist loadgroup -q $(ARGS)

check: $(VENV)/.tests ## format, lint, types, import contracts
	@$(BIN)/ruff format --check --quiet . || { $(BIN)/ruff format --check . ; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache >/dev/null || $(BIN)/lint-imports --no-cache

fmt: $(VENV)/.tests ## format and fix what can be fixed
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

servers: ## install the real servers the integration tests talk to (Debian, root)
	@scripts/apt-servers

$(VENV)/.venv:
	@scripts/make-venv $(PYTHON) $(VENV)

$(VENV)/.runs: $(VENV)/.venv pyproject.toml requirements.lock
	@echo "installing the gateway into $(VENV)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[all]'
	@touch $@

$(VENV)/.tests: $(VENV)/.runs
	@echo "installing what the tests need into $(VENV)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements.lock --group dev
	@touch $@

# A server for tests has an environment of its own, so that what it needs changes nothing in ours.
$(VENV)/.servers: $(VENV)/.venv requirements.servers.lock
	@echo "installing the object store that the tests talk to into $(VENV)/servers"
	@$(BIN)/python -m venv $(VENV)/servers
	@$(VENV)/servers/bin/pip install --quiet --disable-pip-version-check --requirement requirements.servers.lock
	@touch $@

clean: ## remove what was built
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
