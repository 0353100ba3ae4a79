# Every target works from a fresh clone: what it needs, it installs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PEER := $(VENV)-bench
PEER_INSTALLED := $(PEER)/.installed
INFRA := $(VENV)-infra
INFRA_INSTALLED := $(INFRA)/.installed
SPARK := $(VENV)-spark
SPARK_INSTALLED := $(SPARK)/.installed
COVERED := --cov --cov-report=
IMAGE_LOCK := --quiet --universal --generate-hashes --python-version 3.11 --constraint requirements.txt --no-header --no-emit-index-url
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help install demo up down test test-chaos test-spark lint bench check-infra clean lock

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

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

$(INFRA_INSTALLED): $(BIN)/uv requirements-infra.txt
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(INFRA)
	$(BIN)/uv pip install --quiet --python $(INFRA)/bin/python --require-hashes -r requirements-infra.txt
	@touch $@

$(SPARK_INSTALLED): $(BIN)/uv requirements-spark.txt pyproject.toml
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(SPARK)
	$(BIN)/uv pip install --quiet --python $(SPARK)/bin/python --require-hashes -r requirements-spark.txt
	$(BIN)/uv pip install --quiet --python $(SPARK)/bin/python --no-deps -e .
	@touch $@

demo: install ## run the whole platform once and print what it did
	$(BIN)/python -m infra.demo

up: install ## start everything, leave it running and print the URLs
	$(BIN)/python -m infra.up

down: install ## end what `make up` started
	$(BIN)/python -m infra.platform down

# Threads that wait for one another give the core to another test instead of turning in circles.
test: export OMP_WAIT_POLICY := PASSIVE
test: lint ## install everything, check and run the tests
	$(BIN)/coverage erase
	@# Unit tests give way to the others, which wait for programs; they are told of behind them.
	@# What programs that tests start go through is not measured: half of such a start would be the measuring.
	@COVERAGE_FILE=.coverage.unit nice -n 10 $(BIN)/python -m pytest $(COVERED) -p no:cacheprovider tests/unit >$(VENV)/unit-tests.txt 2>&1 & unit=$$!; \
	trap 'kill $$unit 2>/dev/null' EXIT; trap 'exit 130' INT TERM; \
	COVERAGE_FILE=.coverage.others $(BIN)/python -m pytest $(COVERED) --numprocesses 2 --dist loadfile --ignore=tests/unit; others=$$?; \
	wait $$unit; unit_status=$$?; \
	if [ $$unit_status = 0 ]; then tail -n 1 $(VENV)/unit-tests.txt; else cat $(VENV)/unit-tests.txt; fi; \
	exit $$((others ? others : unit_status))
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --skip-covered --fail-under=85

test-chaos: install ## kill workers, Redis and the broker for minutes and compare everything (CHAOS_SEED repeats a storm)
	$(BIN)/python -m pytest tests/chaos -m "chaos or not chaos"

test-spark: $(SPARK_INSTALLED) ## compute windows by Spark and hold them against the oracle (needs Java 17 or newer)
	$(SPARK)/bin/python -m pytest tests/integration/ingestion/spark tests/unit/ingestion/spark

lint: install ## ruff, mypy and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: install $(PEER_INSTALLED) ## run every benchmark and print its figures
	$(BIN)/python -m tests.benchmarks

check-infra: install $(INFRA_INSTALLED) ## hold Terraform's files and manifests against checkov; each exception is explained where it is
	$(INFRA)/bin/checkov --directory infra/terraform --framework terraform --compact --quiet --skip-download
	@mkdir -p $(INFRA)/rendered
	@if command -v kubectl >/dev/null; then \
		kubectl kustomize infra/kubernetes/overlays/aws >$(INFRA)/rendered/aws.yaml && \
		kubectl kustomize infra/kubernetes/monitoring >$(INFRA)/rendered/monitoring.yaml && \
		$(INFRA)/bin/checkov --config-file infra/kubernetes/checkov.yaml --directory $(INFRA)/rendered; \
	else echo "manifests are not checked: kubectl, which renders them, is not there"; fi

clean: down ## end everything and delete data/
	rm -rf data

lock: $(BIN)/uv ## pin the dependencies anew
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --upgrade --python-version 3.11 --extra local --group dev \
		--no-header --no-emit-index-url --output-file requirements.txt pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --upgrade --python-version 3.11 --group pyproject.toml:bench \
		--no-header --no-emit-index-url --output-file requirements-bench.txt
	$(BIN)/uv pip compile $(IMAGE_LOCK) --extra spark --extra local --group dev --output-file requirements-spark.txt pyproject.toml
	for image in api stream; do $(BIN)/uv pip compile $(IMAGE_LOCK) --group pyproject.toml:image-$$image \
		--output-file infra/images/requirements-$$image.txt || exit 1; done
	$(BIN)/uv pip compile $(IMAGE_LOCK) --constraint requirements-spark.txt --group pyproject.toml:image-spark --output-file infra/images/requirements-spark.txt
	$(BIN)/uv pip compile $(IMAGE_LOCK) --extra s3 --output-file infra/images/requirements-jobs.txt pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --upgrade --python-version 3.11 --group pyproject.toml:infra \
		--no-header --no-emit-index-url --output-file requirements-infra.txt
