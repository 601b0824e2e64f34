# Every target sets up what it needs. Nothing is installed outside .venv/ and build/.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
LOCKS := deploy/requirements
ROOMS := streams aggregates projections schemas
NATIVE := pyproject.toml deploy/native/CMakeLists.txt \
	$(shell find $(ROOMS) -path '*/core/*' \( -name '*.[ch]pp' -o -name CMakeLists.txt \))
# The first of these that is new enough.
PYTHON = $(firstword $(foreach p,python3 python3.14 python3.13 python3.12 python3.11,\
	$(shell $(p) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(p))))
INCLUDE := 'import sysconfig; print(sysconfig.get_path("include"))'
INSTALL := $(BIN)/python -m pip install -q --disable-pip-version-check
# A lock is whole, so nothing is resolved: a release made after it cannot get in the way.
LOCKED := $(INSTALL) --no-deps --require-hashes --only-binary=:all:
COMPILE := build/lock/bin/pip-compile -q --generate-hashes --strip-extras --allow-unsafe --no-header \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links

.PHONY: FORCE help setup demo servers test lint format bench prove controls lock sbom wheel clean

help: ## what each target does
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.project $(VENV)/.dev ## install everything into .venv and build the native cores

demo: $(VENV)/.project ## 24 simulated venues, router, API and page on 127.0.0.1:8080; stops on Ctrl-C
	@$(BIN)/sor demo

servers: ## Kafka, Pulsar and PostgreSQL on loopback; ONLY=kafka for one; stops on Ctrl-C
	@$(PYTHON) deploy/servers/servers.py $(ONLY)

test: setup lint ## lint, types, layers, then every test with coverage
	@echo "tests: pytest with coverage"
	@$(BIN)/python -m pytest -q --cov -n auto --maxprocesses 4 --dist loadscope

lint: $(VENV)/.dev ## look only: style, types, import layers
	@echo "lint: ruff"
	@$(BIN)/ruff check -q .
	@$(BIN)/ruff format -q --check .
	@echo "lint: mypy --strict"
	@$(BIN)/mypy --strict --no-error-summary
	@echo "lint: import layers"
	@$(BIN)/lint-imports --no-logo

format: $(VENV)/.dev ## fix style in place
	@$(BIN)/ruff check -q --fix .
	@$(BIN)/ruff format -q .

bench: $(VENV)/.project ## every benchmark, as a table; ARGS=--quick for small sizes
	@$(BIN)/sor bench $(ARGS)

prove: setup ## the promises and the evaluation in full size (hours), resumable; P=8 for one, ARGS=--list to see
	@$(BIN)/python tests/prove.py $(if $(P),--promise $(P)) $(ARGS)
	@$(if $(P)$(ARGS),true,$(BIN)/sor evaluate --full --out build/prove/evaluation)

controls: setup ## the controls asked of an order router, each with the outcome of the tests that prove it
	@$(BIN)/python -m tests.controls

lock: build/lock/bin/pip-compile ## pin the newest allowed versions, with hashes
	@$(COMPILE) -U pyproject.toml -o $(LOCKS)/runtime.txt
	@$(COMPILE) -U --build-deps-for wheel --only-build-deps pyproject.toml -o $(LOCKS)/build.txt
	@$(COMPILE) -U --all-extras -c $(LOCKS)/runtime.txt pyproject.toml -o $(LOCKS)/dev.txt

sbom: $(VENV)/.dev $(VENV)/.project ## build/sbom.json: every package with its hashes, and the native parts
	@$(BIN)/python -m streams.cli.sbom build/sbom.json

wheel: $(VENV)/.project ## build dist/venuefold-*.whl
	@$(BIN)/python -m pip wheel -q --no-deps --no-build-isolation -w dist .

clean: ## remove .venv, build and caches
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/.python:
	@test -n "$(PYTHON)" || { echo "needs Python 3.11 or newer on the path" >&2; exit 1; }
	@command -v "$${CXX:-c++}" >/dev/null || { echo "needs a C++20 compiler (c++)" >&2; exit 1; }
	@test -f "$$($(PYTHON) -c $(INCLUDE))/Python.h" || \
		{ echo "needs Python's headers (package python3-dev)" >&2; exit 1; }
	@echo "setup: $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.runtime: $(LOCKS)/runtime.txt $(LOCKS)/build.txt $(VENV)/.python
	@echo "setup: packages to build and run, locked by hash"
	@$(LOCKED) -r $(LOCKS)/runtime.txt -r $(LOCKS)/build.txt
	@touch $@

# Rewritten only when a module came or went: the editable install knows each one by name.
build/modules: FORCE
	@mkdir -p build; find $(ROOMS) -name '*.py' | sort >$@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

$(VENV)/.project: $(NATIVE) build/modules $(VENV)/.runtime
	@echo "setup: native cores (C++20, warnings are errors) and the sor command"
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

build/lock/bin/pip-compile:
	@$(PYTHON) -m venv build/lock
	@build/lock/bin/python -m pip install -q pip-tools

$(VENV)/.dev: $(LOCKS)/dev.txt $(VENV)/.runtime
	@echo "setup: packages to test and lint, locked by hash"
	@$(LOCKED) -r $(LOCKS)/dev.txt
	@touch $@
