# Two environments from one lock: .venv holds the stages, .venv-airflow only Airflow. Neither sees the other's packages.
SHELL := /bin/bash
.DEFAULT_GOAL := help
UV_VERSION := 0.13.9
UV := .tools/bootstrap/bin/uv
STAGES := .venv/bin
AIRFLOW := .venv-airflow/bin
AIRFLOW_PATHS := dags pipeline/orchestration
# The last three: Superset 6.1.0 imports two that it does not ask for, and cannot start with the newest of the third.
SUPERSET := apache-superset==6.1.0 psycopg2-binary==2.9.13 cachetools==8.0.1 rich==15.0.0 flask-caching==2.3.1
export UV_COMPILE_BYTECODE := 1
unexport PYTHONDONTWRITEBYTECODE
unexport VIRTUAL_ENV

.PHONY: help setup demo up bi test test-all lint format types contracts check check-all clean

help: ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /make \1\t/' | expand -t 16

setup: .venv/.synced .venv-airflow/.synced ## both environments, from the lock

$(UV):
	python3 -m pip install --quiet --disable-pip-version-check --target .tools/bootstrap uv==$(UV_VERSION)

.venv/.synced: pyproject.toml uv.lock | $(UV)
	$(UV) sync --locked --quiet --group dev
	@touch $@

.venv-airflow/.synced: pyproject.toml uv.lock | $(UV)
	UV_PROJECT_ENVIRONMENT=.venv-airflow $(UV) sync --locked --quiet --only-group airflow --only-group test --only-group types
	@touch $@

demo: setup ## a simulated shop: ingest, train and score through Airflow, then the results
	$(STAGES)/nightcast demo

up: setup ## Airflow, MLflow and Data Docs on loopback, over what the demo left; Ctrl-C ends them
	$(STAGES)/nightcast up

.venv-superset/.synced: Makefile | $(UV)
	$(UV) venv --quiet --clear --python 3.11 .venv-superset
	$(UV) pip install --quiet --python .venv-superset/bin/python $(SUPERSET)
	@touch $@

bi: setup .venv-superset/.synced ## Superset from PyPI reads a warehouse as an analyst would; its chart in var/bi
	NIGHTCAST_SCREENSHOTS=var/bi $(STAGES)/python -m pytest tests/e2e/test_superset.py

test: setup ## the test suite, in both environments
	$(STAGES)/python -m pytest -m "not slow" --numprocesses 2 --dist loadfile --durations 15
	PYTHONPATH=. $(AIRFLOW)/python -m pytest -m "not slow" tests/dags tests/pipeline/orchestration

test-all: test ## the same with the slow tests, one at a time: some measure memory
	$(STAGES)/python -m pytest -m slow

lint: setup ## the quick half: format, lint, import contracts
	$(STAGES)/ruff format --check .
	$(STAGES)/ruff check .
	$(STAGES)/lint-imports --no-cache

format: setup ## mend what can be mended
	$(STAGES)/ruff format .
	$(STAGES)/ruff check --fix .

types: setup ## mypy, strict; what imports Airflow is checked where Airflow is
	$(STAGES)/mypy features models pipeline --exclude pipeline/orchestration
	PYTHONPATH=. $(AIRFLOW)/mypy $(AIRFLOW_PATHS) --follow-imports silent

check: lint types test ## everything that must hold before a change lands

check-all: lint types test-all ## and the long ones

clean: ## remove the environments and everything that runs left behind
	rm -rf .venv .venv-airflow .venv-superset .tools var
