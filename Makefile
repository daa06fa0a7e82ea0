# polpo-lab: one command each for the demonstration, the notebook, the tests and the checks.
# Needs Python 3.11 or newer, git and make; everything else goes into .venv, pinned by
# constraints.txt. Choose the Python with `make PYTHON=/path/to/python3`.

SHELL := /bin/sh
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/.ready
BENCH_READY := $(VENV)/.ready-bench
BENCHES := imports decoder frames streams overhead notebook_bytes latency stats compare report many_trials scaling

.DEFAULT_GOAL := help
.PHONY: help setup demo lab test check format calibrate bench pins clean

# .ready holds the folder it was made in: a .venv that was moved, or whose Python is gone,
# does not answer with it, and is made anew.
ifneq ($(shell $(RUN) -c 'print(open("$(READY)").read(), end="")' 2>/dev/null),$(CURDIR))
.PHONY: $(READY)
endif

help:  ## Show this list.
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY)  ## Make .venv and install into it (the other targets do it by themselves).

demo: $(READY)  ## Watch five agents do real work on an embedded Polpo.
	@$(RUN) -m polpo_lab.cli demo

lab: $(READY)  ## Open JupyterLab on the quickstart notebook.
	@$(RUN) -m polpo_lab.cli lab

# Spread over the cores, a file at a time (a notebook's cells need each other), the notebooks first
# since they take longest; ARGS='-n 0' runs all in one process.
test: $(READY)  ## Run every test, doctest and notebook. ARGS='-k kill' picks some.
	@$(RUN) -m pytest -m "not slow" $(wildcard notebooks/*.ipynb) tests polpo_lab --doctest-modules \
		--nbval --nbval-sanitize-with tests/notebooks.sanitize.cfg \
		--ignore polpo_lab/report/template.ipynb \
		-n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(READY)  ## Lint, formatting, types, and the rules of the architecture.
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy
	@$(RUN) -m pytest -q tests/architecture

format: $(READY)  ## Format the code, and mend what ruff can mend.
	@$(RUN) -m ruff check --fix .
	@$(RUN) -m ruff format .

calibrate: $(READY)  ## Simulate whether intervals hold what they say (minutes); fills docs/statistics.md.
	@$(RUN) -m pytest -q -m slow --timeout=1200 tests/stats/test_calibration.py

bench: $(BENCH_READY)  ## Measure us beside our peers. FULL=1 for medians of 5 (slow).
	@for bench in $(BENCHES); do \
		$(RUN) bench/$$bench.py $(if $(FULL),--full) || exit 1; echo; \
	done

pins:  ## Write constraints.txt anew, from what is newest today.
	@sh scripts/pin.sh

clean:  ## Remove .venv and every cache; your data (.polpo-lab) stays.
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml constraints.txt scripts/setup.sh
	@PYTHON='$(PYTHON)' sh scripts/setup.sh

$(BENCH_READY): $(READY)
	@$(RUN) -m pip install --quiet --quiet --no-build-isolation \
		-c constraints.txt -e '.[bench]'
	@touch $@
