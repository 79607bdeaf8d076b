# `make` alone shows what there is. A step that needs the environment makes it first; nothing is
# installed twice.
PYTHON ?= python3
export OMP_NUM_THREADS ?= 1
export MKL_NUM_THREADS ?= 1
export PYTHONUNBUFFERED = 1
VENV = .venv
BIN = $(VENV)/bin
READY = $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo test nbdev_test check docs bench refresh clean

help:  ## show this list
	@grep -hE '^[a-z_]+:.*##' Makefile | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

setup: $(READY)  ## make .venv and install the package with its development tools

demo: $(READY)  ## train five models on MovieLens 100K beside the reference, draw their curves
	@$(BIN)/collabdive demo $(ARGS)

test: $(READY)  ## run the notebooks (NB=00 for those that match) and the tests in tests/
	@$(BIN)/python tools/test.py $(NB)

nbdev_test: $(READY)  ## run the notebooks alone (NB=00 for those that match)
	@$(BIN)/python tools/notebooks.py test $(NB)

check: $(READY)  ## all that CI does: docs, tests, and the checks of notebooks, package and README
	@$(BIN)/python tools/check.py

docs: $(READY)  ## build the site into _docs/ and follow its links
	@$(BIN)/python tools/docs.py

bench: $(READY)  ## measure training and loading beside other libraries
	@$(BIN)/python benchmarks/ladder.py
	@$(BIN)/python benchmarks/loader.py
	@$(BIN)/python benchmarks/networks.py
	@$(BIN)/python benchmarks/cross_entropy.py
	@$(BIN)/python benchmarks/classes.py
	@$(BIN)/python benchmarks/pcp.py

refresh: $(READY)  ## run the notebooks, slow cells too, and store their outputs in nbs/ (NB=00)
	@$(BIN)/python tools/notebooks.py refresh --slow $(NB)

clean:  ## remove what was built; .venv stays
	@rm -rf _build _docs _proc build dist *.egg-info .pytest_cache .hypothesis

# An interrupted install leaves no stamp, so the next call resumes it; a broken environment is made
# anew.
$(READY): constraints.txt settings.ini setup.py pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "Python 3.10 or newer is needed; '$(PYTHON)' is $$($(PYTHON) --version 2>&1)."; \
	  echo "Name a newer one: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@echo 'Installing into $(VENV)/ (a few minutes the first time)'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@
