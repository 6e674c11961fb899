# Two commands do everything on a fresh machine: `make run` and `make test`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := $(BIN)/uv
COMPILE = $(UV) pip compile -q --generate-hashes --no-header --python-version 3.11

.PHONY: help setup run web test lint unit bench engines lock openapi clean

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 10

setup: $(VENV)/.ready web  ## the virtual environment and the web UI

run: setup  ## Andon with a live demo plant
	@$(BIN)/andon up --demo

test: $(VENV)/.ready-dev web lint unit  ## every check and every test

lint: $(VENV)/.ready-dev  ## style, types, direction of imports
	@echo "* linting"
	@$(BIN)/ruff check --quiet && $(BIN)/ruff format --check --quiet
	@$(BIN)/lint-imports --no-logo > .import-linter.log || (cat .import-linter.log; exit 1)
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/python tools/build_web.py --check

# Whatever the shell says, what is compiled is kept: tests start Python hundreds of times.
unit: export PYTHONDONTWRITEBYTECODE =
unit: $(VENV)/.ready-dev  ## the tests alone
	@echo "* testing"
	@$(BIN)/pytest -n 3 --dist loadgroup -q

bench: $(VENV)/.ready-dev web  ## measure everything (QUICK=1: the short form)
	@$(BIN)/python -m benchmarks $(if $(QUICK),--quick)

engines: $(VENV)/.ready-dev  ## real Kafka, PostgreSQL, Redis, Mosquitto and InfluxDB on this machine
	@$(BIN)/python tools/engines.py

lock: $(VENV)/.uv  ## compile the locked requirements anew
	@$(COMPILE) pyproject.toml -o requirements/default.txt
	@$(COMPILE) --extra kafka --extra postgres --extra redis --extra influx pyproject.toml -o requirements/engines.txt
	@$(COMPILE) --extra dev pyproject.toml -o requirements/dev.txt
	@$(COMPILE) requirements/build.in -o requirements/build.txt

openapi: $(VENV)/.ready-dev  ## write the OpenAPI document and the TypeScript client's types
	@$(BIN)/python tools/write_openapi.py

web: $(VENV)/.uv
	@$(BIN)/python tools/build_web.py

clean:  ## remove what was installed and built (not the data)
	rm -rf $(VENV) web/node_modules src/andon/api/static

$(VENV)/.uv:
	@$(PYTHON) -c 'import sys; sys.exit("Andon needs Python 3.11 or newer, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@echo "* making a virtual environment in $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv==0.13.8'
	@touch $@

$(VENV)/.ready: requirements/default.txt pyproject.toml | $(VENV)/.uv
	@echo "* installing Andon"
	@test -e $(VENV)/.ready-dev || $(UV) pip install -q --python $(BIN)/python --require-hashes -r requirements/default.txt
	@$(UV) pip install -q --python $(BIN)/python --no-deps --editable .
	@touch $@

$(VENV)/.ready-dev: requirements/dev.txt pyproject.toml | $(VENV)/.uv
	@echo "* installing Andon and its development tools"
	@$(UV) pip install -q --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@$(UV) pip install -q --python $(BIN)/python --no-deps --editable .
	@touch $@ $(VENV)/.ready
