# Every target sets up what it needs: a virtual environment in .venv, the package in it.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# Without an NVIDIA GPU torch is held to a CPU build.
CONSTRAINT := $(shell command -v nvidia-smi >/dev/null 2>&1 || echo "-c constraints-cpu.txt")

.PHONY: demo test lint accuracy bench clean

demo: $(VENV)/.ready
	$(BIN)/sayre demo --out demo

test: $(VENV)/.ready-dev lint
	$(BIN)/python -m pytest

lint: $(VENV)/.ready-dev
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/mypy

# Longer checks: accuracy tables and timings of docs/.
accuracy: $(VENV)/.ready-dev
	$(BIN)/python benchmarks/accuracy.py

bench: $(VENV)/.ready-dev
	$(BIN)/python benchmarks/speed.py

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.ready: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet $(CONSTRAINT) -e .
	@touch $@

$(VENV)/.ready-dev: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet $(CONSTRAINT) -e ".[dev]"
	@touch $(VENV)/.ready $@

clean:
	rm -rf $(VENV) demo
