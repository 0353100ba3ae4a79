# Every target works from a fresh clone: what it needs, it installs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PEER := $(VENV)-bench
PEER_INSTALLED := $(PEER)/.installed
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help install demo up down test test-chaos lint bench clean lock

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

install: $(INSTALLED) ## install everything into .venv

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"Python 3.11 or newer is needed, {sys.executable} is {sys.version.split()[0]}; name one with: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

$(INSTALLED): $(BIN)/uv requirements.txt pyproject.toml
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --compile-bytecode -r requirements.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

$(PEER_INSTALLED): $(BIN)/uv requirements-bench.txt
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(PEER)
	$(BIN)/uv pip install --quiet --python $(PEER)/bin/python --require-hashes --compile-bytecode -r requirements-bench.txt
	@touch $@

demo: install ## run the whole platform once and print what it did
	$(BIN)/python -m infra.demo

up: install ## start everything, leave it running and print the URLs
	$(BIN)/python -m infra.up

down: install ## end what `make up` started
	$(BIN)/python -m infra.platform down

test: lint ## install everything, check and run the tests
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --skip-covered --fail-under=85

test-chaos: install ## kill workers, Redis and the broker for minutes and compare everything (CHAOS_SEED repeats a storm)
	$(BIN)/python -m pytest tests/chaos -m "chaos or not chaos"

lint: install ## ruff, mypy and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: install $(PEER_INSTALLED) ## run every benchmark and print its figures
	$(BIN)/python -m tests.benchmarks

clean: down ## end everything and delete data/
	rm -rf data

lock: $(BIN)/uv ## pin the dependencies anew
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --upgrade --python-version 3.11 --extra local --group dev \
		--no-header --no-emit-index-url --output-file requirements.txt pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --upgrade --python-version 3.11 --group pyproject.toml:bench \
		--no-header --no-emit-index-url --output-file requirements-bench.txt
