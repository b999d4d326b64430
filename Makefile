# `make demo` shows slimmer at work, and `make test` runs all tests. Both set up what they need, and can be repeated.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
# A stamp records that something was done. It is done again if one of its sources is newer.
TOOLS := .cache/packages
READY := $(VENV)/slimmer-is-installed
PROBE := $(filter-out probes/files/build/%,$(wildcard probes/files/*.[ch] probes/files/*.inc probes/files/Makefile))
SAMPLES := $(notdir $(patsubst %/Dockerfile,%,$(wildcard sample_apps/*/Dockerfile)))
PYTEST_OPTIONS ?=
WORKERS ?= logical
SEED ?= 1
COUNT ?= 200
GOLDEN ?= .cache/golden
export PATH := $(CURDIR)/$(BIN):$(PATH)
unexport PYTHONDONTWRITEBYTECODE # Python would compile slimmer at each start, and the tests start it hundreds of times

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) ## slim a sample web app, run both images and compare them
	@scripts/engine.sh sample_apps/build.sh flask
	@scripts/engine.sh scripts/demo.sh flask

test: $(READY) ## set everything up and run all checks and tests
	@scripts/engine.sh scripts/test.sh $(PYTEST_OPTIONS)

unit: $(READY) ## run the tests that need no engine
	@$(BIN)/python -m pytest --numprocesses $(WORKERS) tests/unit $(PYTEST_OPTIONS)

coverage: $(READY) ## measure the test coverage of Python and C; reports go to build/coverage
	@scripts/engine.sh scripts/coverage.sh $(PYTEST_OPTIONS)

check: $(READY) ## check style, types, imports between packages, and shell scripts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy --strict slimmer tests
	@$(BIN)/lint-imports --no-logo --cache-dir .cache/imports >.cache/imports.log 2>&1 || { cat .cache/imports.log; exit 1; }
	@$(BIN)/mypy --strict scripts/release.py ci/comment/comment.py
	@cd benchmarks && MYPYPATH=.. ../$(BIN)/mypy --strict *.py
	@git ls-files '*.sh' .ci/run | xargs $(BIN)/shellcheck --severity=warning

fuzz: $(READY) ## fuzz every parser for FUZZ_SECONDS (default 20) each; results go to .cache/fuzz
	@scripts/fuzz.sh

cases: $(READY) ## build the images of tests/engine/cases, slim them and run their checks (CASES="nest pm2": these only)
	@scripts/engine.sh $(BIN)/python -m tests.engine.case_report $(CASES)

samples: $(READY) ## build all sample images (slimmer-sample-NAME:latest)
	@scripts/engine.sh sample_apps/build.sh $(SAMPLES)

bench: $(READY) samples ## measure the stages of a build, the overhead of the recorders, and packing
	@for benchmark in benchmarks/bench_*.py; do scripts/engine.sh $(BIN)/python $$benchmark; done

golden: $(READY) ## write what slimmer keeps of all test images to GOLDEN (default .cache/golden), to compare versions
	@scripts/engine.sh $(BIN)/python -m tests.engine.golden $(GOLDEN)

engines: $(READY) samples ## slim the sample apps on other engines, which it makes (root, Debian): ENGINES='trixie/podman unix:///…': these only
	@scripts/engine.sh $(BIN)/python -m tests.engine.engines $(ENGINES)

schemas: $(READY) ## regenerate docs/schemas, the JSON Schemas of probe files and of the documents that slimmer writes
	@$(BIN)/python scripts/schemas.py

soak: $(READY) ## kill slimmer at many points of its work and check what it leaves (SEED=1 COUNT=200)
	@scripts/engine.sh $(BIN)/python -m tests.engine.soak --seed $(SEED) --count $(COUNT)

wheel: $(READY) ## build the release wheel in dist/, with the probe for amd64 and arm64
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet build ziglang
	@SLIMMER_PROBE_ARCHS=amd64,arm64 $(BIN)/python -m build --wheel --no-isolation --outdir dist

release: $(READY) ## release VERSION (for example 0.2.0): set the version, close the changelog, build and check the wheel, commit and tag
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet build ziglang
	@$(BIN)/python scripts/release.py $(VERSION)

lock: $(READY) ## regenerate requirements.lock and requirements-dev.lock from pyproject.toml
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet pip-tools
	@$(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-header --no-annotate \
	    --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --output-file requirements.lock pyproject.toml
	@$(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-header --no-annotate --extra dev --all-build-deps \
	    --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --output-file requirements-dev.lock pyproject.toml

clean: ## remove what the other targets made in this folder (not images: use slimmer clean and docker rmi)
	rm -rf $(VENV) .cache build dist slimmer-out .pytest_cache .mypy_cache .ruff_cache probes/files/build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(TOOLS): scripts/setup.sh
	@mkdir -p $(@D)
	@scripts/setup.sh packages
	@touch $@

$(READY): pyproject.toml requirements-dev.lock hatch_build.py $(PROBE) | $(TOOLS)
	@scripts/setup.sh venv
	@touch $@

.PHONY: help demo test unit coverage check fuzz cases samples bench golden engines schemas soak wheel release lock clean
