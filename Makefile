# Everything runs in .venv, which the first target makes. Python 3.11, git and make are enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SOURCES := pipelines cleaning dedup tokenize training schemas
WORKERS ?= 2
OUT ?= out/demo

.PHONY: help demo test lint types parity bench clean

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[train,demo,dev]'
	touch $@

demo: $(STAMP)  ## mill real text into a published version and train a small model on it
	$(BIN)/python -m gristmill.pipelines.demo $(OUT) --workers $(WORKERS)

test: lint types  ## lint, types and every test
	$(BIN)/python -m pytest -n $(WORKERS) --ignore tests/test_parity.py
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup tests/test_parity.py

lint: $(STAMP)  ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)  ## mypy --strict, folder by folder
	mkdir -p .mypy_src && ln -sfn .. .mypy_src/gristmill
	$(BIN)/mypy $(foreach folder,$(SOURCES),-p gristmill.$(folder))

parity: $(STAMP)  ## one recipe on every engine: the same dataset id, bytes and ledger
	$(BIN)/python -m pytest -v -n $(WORKERS) --dist loadgroup tests/test_parity.py

bench: $(STAMP)  ## make bench NAME=end_to_end: ours and its peers on the same work
	$(BIN)/python tests/benchmarks/$(NAME).py

clean:  ## remove what the targets made, but not .venv
	rm -rf out build .mypy_src .mypy_cache .pytest_cache .ruff_cache .hypothesis
