# The commands of this repository. `make help` lists them; each sets up the environment first where it needs one.
#
#   PYTHON=python3.12     the interpreter the environment is made with (3.11 to 3.14)
#   TORCH_INDEX=URL       one more package index to look for torch in, such as PyTorch's own index of CPU builds
#   DEMO_ARGS=--no-serve  end the demo after the conversation; --port 8080 serves its page elsewhere
#   PYTEST_ARGS="..."     what to test, and how; two tests at a time when not given
#   BENCH="name name"     which programs of tests/bench to run

PYTHON ?= python3
VENV ?= .venv
DEMO_HOME ?= demo-home
DEMO_ARGS ?=
TORCH_INDEX ?=
BENCH ?= $(basename $(notdir $(shell grep -l '__main__' tests/bench/*.py)))
BENCH_ARGS_sample_brand ?= --home $(DEMO_HOME)
PYTEST_ARGS ?=

BIN := $(VENV)/bin
READY := $(VENV)/.ready
TORCH := torch==$(shell sed -n 's/^torch==//p' constraints.txt)
# Threads of numerical libraries in tests that run side by side would only wait for each other.
ALONE := OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} MKL_NUM_THREADS=$${MKL_NUM_THREADS:-1} TOKENIZERS_PARALLELISM=false
# A file stays with one of the two, so that what its tests share is made once.
TWO := -n 2 --dist loadfile --no-loadscope-reorder
INDEX := $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow lint format coverage bench

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(READY) ## Make the virtual environment with everything in it. Does nothing when it is up to date.

# torch comes first and alone: a CPU build that is already at hand is then taken, and what follows leaves it as it is.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))' || \
	  { echo 'attune needs Python 3.11 to 3.14. Name one: make setup PYTHON=python3.12' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet $(INDEX) -c constraints.txt "$(TORCH)"
	$(BIN)/python -m pip install --quiet $(INDEX) -c constraints.txt -e ".[train,postgres,index,dev]"
	@touch $(READY)

demo: $(READY) ## The main job on the sample brand, then its page at http://127.0.0.1:8000 (some minutes).
	$(BIN)/attune demo --home $(DEMO_HOME) $(DEMO_ARGS)

test: $(READY) ## The tests, but for the slow ones.
	$(ALONE) $(BIN)/python -m pytest $(or $(PYTEST_ARGS),$(TWO))

test-slow: $(READY) ## The slow tests: minutes of training, and of killing it.
	$(BIN)/python -m pytest -m slow --timeout 1800 $(PYTEST_ARGS)

lint: $(READY) ## Style, format, types, layers.
	@status=0; for check in "ruff check ." "ruff format --check ." mypy "lint-imports --no-logo"; do \
	  echo "== $$check"; $(BIN)/$$check || status=1; done; exit $$status

format: $(READY) ## Rewrite the code in the house's format.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

coverage: $(READY) ## The tests again, counting branches: at least 90 % of data/, export/ and service/.
	$(ALONE) $(BIN)/python -m pytest --cov --cov-report= $(or $(PYTEST_ARGS),$(TWO))
	@$(BIN)/coverage combine --quiet 2>/dev/null || true
	$(BIN)/coverage report --skip-covered
	@status=0; for room in data export service; do printf '%s: ' $$room; \
	  $(BIN)/coverage report --include="$$room/*" --fail-under=90 --format=total || status=1; done; exit $$status

bench: $(READY) ## The measurements of docs/benchmarks.md: all of them, or those that BENCH names.
	@status=0; $(foreach program,$(BENCH),echo "== $(program)"; \
	  $(BIN)/python -m tests.bench.$(program) $(BENCH_ARGS_$(program)) || status=1;) exit $$status
