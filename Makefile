# `make run` and `make test` need python3 (3.11 to 3.13), pip and make; each sets up .venv by itself.
PYTHON ?= python3
VENV := .venv
PIP_INSTALL := $(VENV)/bin/pip install --quiet --disable-pip-version-check -c constraints-cpu.txt
PYTEST := $(VENV)/bin/python -m pytest -q -n 2 --dist loadfile

# Nothing leaves the machine after the install, and the Prefect server of this folder keeps to this folder.
export DO_NOT_TRACK := 1
export HF_HUB_OFFLINE := 1
export PREFECT_HOME := $(CURDIR)/.prefect
export PREFECT_SERVER_ANALYTICS_ENABLED := false

# What the deployments run on; `make deploy CONFIG=my.toml`.
CONFIG ?= data/live.toml
PREFECT := $(VENV)/bin/python -m prefect

.PHONY: run test test-all lint wheel audit bench deploy clean

run: $(VENV)/.run  ## the sample market: backfill, nightly, backtest
	$(VENV)/bin/python -m flows.tour --config data/sample.toml --start 2022-01-03 --end 2024-12-31

test: $(VENV)/.dev  ## the tests
	$(PYTEST) -m "not slow"

test-all: $(VENV)/.dev  ## the tests, the long ones too
	$(PYTEST)

lint: $(VENV)/.dev  ## style and types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(VENV)/bin/zizmor --offline --quiet .github/workflows

bench: $(VENV)/.dev  ## timings for the README's table
	$(VENV)/bin/python -m benchmarks.scoring
	$(VENV)/bin/python -m benchmarks.features

deploy: $(VENV)/.run  ## work pools, queues and all deployments, on the server that PREFECT_API_URL names
	@test -n "$$PREFECT_API_URL" || { echo "set PREFECT_API_URL to your server's address first"; exit 1; }
	$(PREFECT) work-pool create sentfeat --type process --overwrite
	$(PREFECT) work-pool create sentfeat-gpu --type process --overwrite
	SENTFEAT_CONFIG=$(CONFIG) $(PREFECT) --no-prompt deploy --all
	$(PREFECT) work-queue set-concurrency-limit writers 1 --pool sentfeat

wheel:  ## built, and installed and used in an environment that has nothing else
	$(PYTHON) -m venv --clear build/clean
	build/clean/bin/pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir build/dist .
	build/clean/bin/pip install --quiet --disable-pip-version-check -c constraints-cpu.txt build/dist/*.whl
	cd build && clean/bin/sentfeat dictionary features --json > dictionary.json && clean/bin/sentfeat --help

audit:  ## known holes in what is pinned; asks the network
	$(PYTHON) -m venv build/audit
	build/audit/bin/pip install --quiet --disable-pip-version-check -c constraints-cpu.txt pip-audit
	build/audit/bin/pip-audit --requirement constraints-cpu.txt --no-deps --disable-pip

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
