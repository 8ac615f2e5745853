# Every target sets up what it needs: a virtual environment in .venv, the package in it.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
EXTRAS := .[train,relax,cluster,beamline,view]
# Without an NVIDIA GPU torch is held to a CPU build.
CONSTRAINT := $(shell command -v nvidia-smi >/dev/null 2>&1 || echo "-c constraints-cpu.txt")

.PHONY: demo test test-oldest test-interop test-browser test-robust lint fuzz crash studies figures mutants accuracy bench package clean docs

demo: $(VENV)/.ready
	$(BIN)/sayre demo --out demo

# Lint, types, tests and the share of the code that they reach; fails below the floor of pyproject.toml.
test: $(VENV)/.ready-dev lint
	$(BIN)/python -m pytest --cov --numprocesses auto --dist worksteal

# The tests with the oldest dependencies that pyproject.toml allows. Old releases of torch for Linux bring CUDA
# along (3 GB); an index of CPU builds (`PIP_EXTRA_INDEX_URL`) avoids it. Only Sayre's own warnings are errors here.
OLDEST        ?= .venv-oldest
OLDEST_PYTHON ?= python3.11
test-oldest: $(OLDEST)/.ready
	$(OLDEST)/bin/python -m pytest --numprocesses auto --dist worksteal -W default -W error::sayre.errors.SayreWarning

# The tests against other programs, in an environment with those that pip installs.
INTEROP ?= .venv-interop
test-interop: $(INTEROP)/.ready
	$(INTEROP)/bin/python -m pytest -m interop tests/interop tests/files/test_io_objects.py tests/detectors

# The page of `sayre view` in a headless Chromium: the one of the system, else one that is downloaded.
test-browser: $(VENV)/.ready-dev
	$(BIN)/python -m pip install --quiet --group browser
	command -v chromium chromium-browser google-chrome >/dev/null || $(BIN)/playwright install chromium
	$(BIN)/python -m pytest tests/viewer/test_view_in_browser.py tests/viewer/test_inline_in_browser.py

lint: $(VENV)/.ready-dev
	$(BIN)/ruff check src tests benchmarks docs/concepts examples
	$(BIN)/ruff format --check src tests benchmarks docs/concepts examples
	$(BIN)/codespell src docs benchmarks examples *.md
	$(BIN)/mypy

# The suite with one thread and eight, other instruction sets, and noise on the counts: nine times as long.
test-robust: $(VENV)/.ready-dev
	tests/robust.sh $(BIN)/python

# Damaged files of every kind, to every reader: 200 000 cases.
fuzz: $(VENV)/.ready-dev
	nice $(BIN)/python tests/fuzz/fuzz.py --cases 200000

# Every command killed after each of its file operations and at random moments, and repeated.
crash: $(VENV)/.ready-dev
	nice $(BIN)/python tests/fuzz/crash.py
	SAYRE_KILLS=1 nice $(BIN)/python -m pytest tests/workflows/test_batch_killed.py

# The studies of docs/studies/ in their reduced form, into studies/.
studies: $(VENV)/.ready-dev
	$(BIN)/sayre study all --quick --out studies

# The figures of docs/concepts/ (half a minute).
figures: $(VENV)/.ready
	$(BIN)/python docs/concepts/figures.py

# The site of the documentation, into site/; warnings are errors.
docs: $(VENV)/.ready-dev
	$(BIN)/python -m pip install --quiet --group docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

# How many small faults of the numerical core the tests notice, of a sample (docs/development/mutants.md).
mutants: $(VENV)/.ready-dev
	$(BIN)/python -m pip install --quiet --group mutants
	nice $(BIN)/python benchmarks/mutants.py

# Longer checks: accuracy tables and timings of docs/.
accuracy: $(VENV)/.ready-dev
	$(BIN)/python benchmarks/accuracy.py simulated
	$(BIN)/python benchmarks/accuracy.py published --places 10
	$(BIN)/python benchmarks/phasing_accuracy.py
	$(BIN)/python benchmarks/strained.py

# Wheel and sdist in dist/: checked, and the wheel installed into an empty environment, where a small peak is simulated and phased.
PACKAGE_VENV ?= .venv-package
package: $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet build twine
	rm -rf dist $(PACKAGE_VENV)
	$(BIN)/python -m build --outdir dist
	$(BIN)/twine check --strict dist/*
	$(PYTHON) -m venv $(PACKAGE_VENV)
	$(PACKAGE_VENV)/bin/python -m pip install --quiet --no-compile $(CONSTRAINT) dist/*.whl
	cd $(PACKAGE_VENV) && bin/sayre weights verify && bin/sayre simulate peak.npz --atoms 2000 --shape-px 40 --detector maxipix --seed 1
	cd $(PACKAGE_VENV) && bin/sayre run peak.npz -o result --recipe quick --runs 3 --refine none && test -s result/report.html
	rm -rf $(PACKAGE_VENV)

# Times of a short list of cases beside those recorded last and other programs; `BENCH="--whole --record"` adds to it.
BENCH ?=
bench: $(VENV)/.ready-dev
	$(BIN)/python benchmarks/watch.py $(BENCH)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.ready: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet $(CONSTRAINT) -e .
	@touch $@

$(VENV)/.ready-dev: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --no-compile $(CONSTRAINT) -e "$(EXTRAS)" --group dev
	-@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib src # bytecode by every core, where pip takes one
	@touch $(VENV)/.ready $@

$(OLDEST)/.ready: constraints-oldest.txt
	$(OLDEST_PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet --upgrade pip
	$(OLDEST)/bin/python -m pip install --quiet -c constraints-oldest.txt -e "$(EXTRAS)" --group test
	@touch $@

$(INTEROP)/.ready: pyproject.toml
	$(PYTHON) -m venv $(INTEROP)
	$(INTEROP)/bin/python -m pip install --quiet --upgrade pip
	$(INTEROP)/bin/python -m pip install --quiet $(CONSTRAINT) -e . --group interop
	$(INTEROP)/bin/python -m pip install --quiet --no-deps cohere-core  # its dependencies bring graphical toolkits
	@touch $@

clean:
	rm -rf site $(VENV) $(OLDEST) $(INTEROP) $(PACKAGE_VENV) demo dist
