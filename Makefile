# SPDX-License-Identifier: Apache-2.0
# Every target sets up what it needs in .venv; `make help` lists the targets.

PYTHON ?= python3
# pytest's -m expression; `make test SELECT=` runs the slow tests and those under QEMU too.
SELECT ?= not slow and not emulated
JOBS ?= 2

BIN := .venv/bin
UV := .venv-lock/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	--no-emit-index-url --no-annotate --no-header
LOCKS := intaglio/commands/peers/locks
UV_COMPILE := $(UV) --prerelease disallow pyproject.toml

# A stamp carries the hash of what it was installed from, so a changed lock installs again.
key = $(shell cat $(1) pyproject.toml setup.py | sha256sum | cut -c 1-16)
RUNTIME := .venv/.runtime-$(call key,requirements.lock)
DEVELOPMENT := .venv/.development-$(call key,requirements-dev.lock requirements-torch.lock)
TRAINING := .venv-train/.training-$(call key,requirements-train.lock)

.PHONY: help demo test check format train peers lock clean
.DEFAULT_GOAL := help

help: ## List the targets.
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 10

demo: $(RUNTIME) ## Quantize, lower and simulate the digits network, and report.
	$(BIN)/intaglio demo

test: $(DEVELOPMENT) ## Run the tests but the slow and the emulated ones (SELECT= runs all).
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) -m "$(SELECT)"

check: $(DEVELOPMENT) ## Lint, format, types, floors, file cap.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/test_structure.py

format: $(DEVELOPMENT) ## Format the sources and mend what ruff can mend.
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

train: $(TRAINING) ## Train the network of examples/digits again (torch, in .venv-train).
	.venv-train/bin/python -m examples.digits.train

peers: $(RUNTIME) ## Set up the runtimes that `intaglio compare` runs (in the user's cache).
	$(BIN)/intaglio compare --setup all

# Any build of torch will do, with or without CUDA, so neither hashes nor CUDA's parts.
lock: .venv-lock/bin/uv ## Write the lock files again from pyproject.toml (needs uv).
	$(UV_COMPILE) --generate-hashes --group build -o requirements.lock
	$(UV_COMPILE) --generate-hashes --group build --group dev -c requirements.lock \
		-o requirements-dev.lock
	$(UV_COMPILE) --group train -c requirements.lock -o requirements-train.lock
	$(UV_COMPILE) --group torch -c requirements-dev.lock -o requirements-torch.lock
	sed -i -E '/^(cuda|nvidia|triton)/d' requirements-train.lock requirements-torch.lock
	for name in litert litert-1.2 qonnx tosa; do \
		$(UV) --generate-hashes --group "peer-$$(echo $$name | tr . -)" -o $(LOCKS)/$$name.lock || exit 1; \
	done
	$(UV) --generate-hashes --group peer-quantizers -o $(LOCKS)/quantizers.lock
	sed -i -E '/^(cuda|nvidia|torch|triton)/,/[^\]$$/d' $(LOCKS)/quantizers.lock

clean: ## Remove the environments, builds and caches.
	rm -rf .venv .venv-lock .venv-train build dist *.egg-info out
	rm -rf .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

$(RUNTIME): | .venv/bin/pip
	$(BIN)/pip install --quiet --requirement requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	rm -f .venv/.runtime-*
	touch $@

$(DEVELOPMENT): | .venv/bin/pip
	$(BIN)/pip install --quiet --requirement requirements-dev.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	$(BIN)/pip install --quiet --requirement requirements-torch.lock
	rm -f .venv/.development-*
	touch $@

$(TRAINING): | .venv-train/bin/pip
	.venv-train/bin/pip install --quiet --requirement requirements-train.lock
	rm -f .venv-train/.training-*
	touch $@

.venv-lock/bin/uv: | .venv-lock/bin/pip
	.venv-lock/bin/pip install --quiet uv

# Debian keeps ensurepip, which venv needs, in a package of its own.
%/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Intaglio needs Python 3.11 or newer: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
		{ test "$$(id -u)" = 0 && apt-get update -qq && apt-get install -y -qq python3-venv; } || \
		{ echo "$(PYTHON) cannot create environments: run 'sudo apt-get install python3-venv' first." >&2; exit 1; }
	$(PYTHON) -m venv --clear $*
