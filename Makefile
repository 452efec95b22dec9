# `make run` and `make test` need python3 (3.11 to 3.13), pip and make; each sets up .venv by itself.
PYTHON ?= python3
VENV := .venv
PIP_INSTALL := $(VENV)/bin/pip install --quiet --disable-pip-version-check -c constraints-cpu.txt

# Nothing leaves the machine after the install, and the Prefect server of this folder keeps to this folder.
export DO_NOT_TRACK := 1
export HF_HUB_OFFLINE := 1
export PREFECT_HOME := $(CURDIR)/.prefect
export PREFECT_SERVER_ANALYTICS_ENABLED := false

.PHONY: run test test-all lint bench clean

run: $(VENV)/.run  ## the sample market: backfill, nightly, backtest
	$(VENV)/bin/python -m flows.tour --config data/sample.toml --start 2022-01-03 --end 2024-12-31

test: $(VENV)/.dev  ## the tests
	$(VENV)/bin/python -m pytest -q -m "not slow"

test-all: $(VENV)/.dev  ## the tests, the long ones too
	$(VENV)/bin/python -m pytest -q

lint: $(VENV)/.dev  ## style and types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

bench: $(VENV)/.dev  ## timings for the README's table
	$(VENV)/bin/python -m benchmarks.scoring
	$(VENV)/bin/python -m benchmarks.features

clean:
	rm -rf $(VENV) .prefect data/lake

$(VENV)/.made: constraints-cpu.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.run: $(VENV)/.made
	@echo "installing into $(VENV) (once; a few minutes)"
	$(PIP_INSTALL) -e '.[score,sources,flows,backtest]'
	touch $@

$(VENV)/.dev: $(VENV)/.made
	@echo "installing into $(VENV) (once; a few minutes)"
	$(PIP_INSTALL) -e '.[dev]'
	touch $@ $(VENV)/.run
