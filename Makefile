# What a person does here. `make` alone lists it.
#
# The network is needed by `setup` alone. PyPI's torch for Linux brings CUDA with it, several gigabytes; on a machine
# without a GPU, spare them:  PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make setup

.DEFAULT_GOAL := help
.PHONY: help setup demo test check pocket bench

# The first that runs and is new enough: a name on the PATH may be an empty shim.
PYTHON ?= $(shell for name in python3.11 python3; do \
  $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
VENV := .venv
BIN := $(VENV)/bin

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /  make \1\t/' | expand -t 16

setup: $(VENV)/.installed ## make .venv with everything installed; again only when pyproject.toml or constraints.txt change

demo: setup ## measure, train and measure again a small model; leaves runs/demo/report.html
	$(BIN)/instincts demo --out runs/demo

test: check ## the checks, then every test that needs neither a GPU nor the network
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 -m "not real"

check: setup ## format, lint, types, and the direction of imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# One thread, because sums in another order end in other bytes.
pocket: setup ## train the shipped pocket models again from their seed
	export OMP_NUM_THREADS=1; for name in pocket-llama pocket-qwen; do \
	  $(BIN)/instincts pocket train $$name --out src/instincts/pocket/checkpoints/$$name || exit 1; done

bench: setup ## every benchmark, as ratios within one run
	set -e; for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python "$$file"; done

# torch first: its own index may serve it, and everything after finds it in place. Not compiling to bytecode saves half a
# minute; Python compiles at first import what is really used.
$(VENV)/.installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" \
	  || { echo "error: instincts needs Python 3.11 or newer; name one with make setup PYTHON=/path/to/python"; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV) \
	  || { echo "error: python -m venv failed; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --no-compile "$$(grep '^torch==' constraints.txt)" -c constraints.txt
	$(BIN)/python -m pip install --quiet --no-compile -e '.[dev,utility,serve]' -c constraints.txt
	@touch $@
