# Every target makes its own virtual environment; only Python >= 3.11 and make are needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL = if command -v uv >/dev/null 2>&1; then uv pip install --quiet --python $(BIN)/python -e "$(1)"; \
  else $(BIN)/python -m pip install --quiet --disable-pip-version-check -e "$(1)"; fi

.PHONY: help demo test test-faults test-oldest test-release dist check format bench bench-peers docs clean
.DEFAULT_GOAL := help

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.demo ## See the cache at work: offline, without keys, in under three minutes
	$(BIN)/mneme demo

test: $(VENV)/.dev ## Run the tests, in under ten minutes on two cores
	MNEME_REQUIRE_SERVERS=1 $(BIN)/python -m pytest

test-faults: $(VENV)/.dev ## Kill processes at their work 120 times, and the other faults, in two minutes
	MNEME_FAULT_ROUNDS=20 $(BIN)/python -m pytest tests/faults

test-oldest: $(VENV)/.oldest ## Run LangChain's tests with the oldest langchain-core that is supported
	$(VENV)/oldest/bin/python -m pytest tests/langchain -p no:cacheprovider \
	  $(foreach name,agents how_to default_embedder,--ignore=tests/langchain/test_$(name).py)

test-release: $(VENV)/.dev ## Build the archives and install the wheel with each extra alone, in three minutes
	MNEME_TEST_EXTRAS=1 $(BIN)/python -m pytest tests/release

dist: $(VENV)/.dev ## Build the wheel and the source archive into dist/
	$(BIN)/python -m build --no-isolation

check: $(VENV)/.dev ## Check style, types and docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/mkdocs build --strict --site-dir site

format: $(VENV)/.dev ## Put the code in the house format
	$(BIN)/ruff check --fix --exit-zero .
	$(BIN)/ruff format .

bench: $(VENV)/.dev ## Measure against the machine's floor and a peer, in under ten minutes
	$(BIN)/python -m benchmarks

bench-peers: $(VENV)/.dev ## Measure other caches beside Mneme, each in its own environment, in 15 minutes
	$(BIN)/python -m benchmarks.peers

docs: $(VENV)/.dev ## Build the documentation into site/
	$(BIN)/mkdocs build --strict --site-dir site

clean: ## Remove the virtual environment and everything that was built
	rm -rf $(VENV) site dist bench-output demo-output .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Mneme needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12"; exit 1; }
	@if command -v uv >/dev/null 2>&1; then uv venv --quiet --python $(PYTHON) $(VENV); else $(PYTHON) -m venv $(VENV); fi

# The environment for tests holds all that the demo needs, so the demo does not install over it.
$(VENV)/.demo: $(BIN)/python pyproject.toml
	@[ -e $(VENV)/.dev ] || { echo "Installing what the demo needs ..."; $(call INSTALL,.[demo]); }
	@touch $@

# An environment of its own, without the packages that need a newer langchain-core.
$(VENV)/.oldest: $(BIN)/python pyproject.toml
	@echo "Installing the oldest langchain-core ..."
	@$(BIN)/python -m venv $(VENV)/oldest
	@$(VENV)/oldest/bin/python -m pip install --quiet --disable-pip-version-check -e . "langchain-core==1.3.3" \
	  "langchain-openai>=1.0" "langchain-tests>=1.0" "pytest>=8" "pytest-asyncio>=1,<2" "hypothesis>=6.100"
	@touch $@

$(VENV)/.dev: $(BIN)/python pyproject.toml
	@echo "Installing what the tests need ..."
	@$(call INSTALL,.[dev])
	@touch $@
