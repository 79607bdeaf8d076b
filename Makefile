# `make` alone shows what there is. A step that needs the environment makes it first; nothing is
# installed twice.
PYTHON ?= python3
export OMP_NUM_THREADS ?= 1
export MKL_NUM_THREADS ?= 1
export PYTHONUNBUFFERED = 1
export PYTHONDONTWRITEBYTECODE =  # or each of a hundred processes compiles the package anew
VENV = .venv
BIN = $(VENV)/bin
READY = $(VENV)/.installed
PYTEST = $(BIN)/python -m pytest
BENCH_VENV = .venv-bench
BENCH_READY = $(BENCH_VENV)/.installed
MEASUREMENTS = ladder loader epoch_profile steps networks cross_entropy recipe sizes classes pcp big imports ranges clicks

.DEFAULT_GOAL := help
.PHONY: help setup demo test nbdev_test check rest docs lint colab bench bench-own \
	bench-full bench-setup web refresh clean

help:  ## show this list
	@grep -hE '^[a-z_-]+:.*##' Makefile | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

setup: $(READY)  ## make .venv and install the package with its development tools

demo: $(READY)  ## train five models on MovieLens 100K beside the reference, draw their curves
	@$(BIN)/collabdive demo $(ARGS)

test: $(READY)  ## run the notebooks and the tests in tests/ (NB=00: notebooks with 00 in the name)
	@$(PYTEST) -n 2 --maxschedchunk 1 $(if $(NB),tests/test_notebooks.py --nb '$(NB)')

nbdev_test: $(READY)  ## run the notebooks alone, by nbdev-test
	@$(BIN)/nbdev-test

check: $(READY)  ## all that CI does: test, then the rest
	@status=0; for part in test rest; do $(MAKE) $$part || status=1; done; exit $$status

rest: $(READY)  ## docs, exports, imports, lessons, stored outputs, the site in a browser
	@status=0; for part in repository site; do \
	  $(PYTEST) -n 2 tests/$$part || status=1; done; exit $$status

docs: $(READY)  ## build the site into _docs/ and follow its links
	@$(BIN)/python tools/docs.py

lint: $(READY)  ## let ruff look at notebooks, tools and tests
	@$(BIN)/ruff check .

colab: $(READY)  ## run the notebooks from the wheel alone, as on Colab (ARGS=--newest)
	@$(BIN)/python tools/colab.py $(ARGS) $(NB)

bench: $(BENCH_READY)  ## error, time, memory beside other libraries (ARGS=--quick: minutes)
	@$(BENCH_VENV)/bin/python benchmarks/peers.py $(ARGS)

bench-own: $(READY)  ## all other measurements, of which lessons show the results (hours)
	@for name in $(MEASUREMENTS); do \
	  echo "== $$name"; $(BIN)/python benchmarks/$$name.py || exit 1; done

# PATH= is your copy here, and the folders of programs are the system's own again
bench-full: DATA := $(if $(filter command line,$(origin PATH)),$(PATH))
ifneq (,$(filter bench-full,$(MAKECMDGOALS)))
ifeq ($(origin PATH),command line)
override export PATH := $(shell command -p getconf PATH)
endif
endif
bench-full: $(READY)  ## settings, time and memory on your own MovieLens (PATH=ml-10m.zip)
	@$(BIN)/python benchmarks/full.py $(if $(DATA),'$(DATA)') $(ARGS)

bench-setup: $(BENCH_READY)  ## make .venv-bench with the other libraries; bench does it too

web:  ## build the explorer and the figures with knobs in web/ (needs Node.js)
	@cd web && npm ci --ignore-scripts --silent && npm run build --silent

refresh: $(READY)  ## run the notebooks, slow cells too, and store their outputs in nbs/ (NB=00)
	@$(BIN)/python tools/notebooks.py --slow refresh $(NB)

clean:  ## remove what was built; .venv stays
	@rm -rf _build _docs _proc build dist *.egg-info .pytest_cache .hypothesis .ruff_cache

# An interrupted install leaves no stamp, so the next call resumes it; a broken environment is made
# anew. Arguments: the environment, the constraints, the extra.
define install
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
  echo "Python 3.10 or newer is needed; '$(PYTHON)' is $$($(PYTHON) --version 2>&1)."; \
  echo "Name a newer one: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
@$(1)/bin/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(1)
@echo 'Installing into $(1)/ (a few minutes the first time)'
@$(1)/bin/python -m pip install --quiet --disable-pip-version-check -c $(2) torch
@$(1)/bin/python -m pip install --quiet --disable-pip-version-check -c $(2) -e '.[$(3)]'
@touch $@
endef

$(READY): constraints.txt settings.ini setup.py pyproject.toml
	$(call install,$(VENV),constraints.txt,dev)

$(BENCH_READY): benchmarks/constraints.txt settings.ini setup.py pyproject.toml
	$(call install,$(BENCH_VENV),benchmarks/constraints.txt,bench)
