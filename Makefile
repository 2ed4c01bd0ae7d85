# `make` lists what there is. Everything happens in .venv, installed from requirements.lock with every hash checked.
# PYTHON=...  the interpreter to make .venv with       ARGS=...  more arguments for the command behind a target

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: help install run test test-vllm lint fmt proto examples bench train lock clean

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check
# The locks hold what the public index says. A file found on this machine may have been built again and hash differently, so
# only PIP_INDEX_URL, for a mirror, is listened to.
LOCK := env -u PIP_FIND_LINKS -u PIP_EXTRA_INDEX_URL PIP_CONFIG_FILE=/dev/null CUSTOM_COMPILE_COMMAND="make lock" \
	$(BIN)/pip-compile --quiet --strip-extras --generate-hashes --allow-unsafe --build-deps-for editable \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options
export PYTHON
# onnxruntime's builds report to their maker unless told not to before they start.
export ORT_DISABLE_TELEMETRY := 1

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | while IFS='|' read -r target does; do \
		printf '%-18s %s\n' "  $$target" "$$does"; done

install: $(INSTALLED) ## .venv with the `tiermesh` command and all that it runs and is tested with

# The stamp is written last: whatever interrupts the installation, the next `make` does it again.
$(INSTALLED): pyproject.toml requirements.lock
	@set -e; \
	for python in $${PYTHON:-python3.11 python3}; do \
		if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then break; fi; \
		python=; \
	done; \
	if [ -z "$$python" ]; then \
		echo "make: $${PYTHON:-python3.11 or python3} is not there or older than Python 3.11." >&2; \
		echo "      On Debian bookworm: apt-get install python3 python3-venv. Elsewhere: make PYTHON=/path/to/python3.11" >&2; \
		exit 1; \
	fi; \
	if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
		echo "make: $$python cannot make a virtual environment: its venv or ensurepip module is missing." >&2; \
		"$$python" -c 'import sys; print("      On Debian: apt-get install python%d.%d-venv" % sys.version_info[:2])' >&2; \
		exit 1; \
	fi; \
	$(BIN)/python -m pip --version >/dev/null 2>&1 || "$$python" -m venv --clear $(VENV)
	@echo "Installing what requirements.lock names into $(VENV): a minute or two the first time."
	@$(PIP) install --quiet --require-hashes -r requirements.lock
	@PYTHONWARNINGS=ignore $(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

run: $(INSTALLED) ## install, then the demo: Envoy, TierMesh and stand-in backends on 127.0.0.1:8080
	@$(BIN)/tiermesh demo $(ARGS)

test: $(INSTALLED) ## every test, through real Envoy and real Valkey (ARGS="-k name" for some)
	@$(BIN)/python -m pytest -m "not vllm" $(ARGS)

test-vllm: $(INSTALLED) ## the tests against a real vLLM on this CPU, kept in ~/.cache/tiermesh-vllm (4 GB)
	@PYTHON=$(BIN)/python tests/vllm/vllm_cpu.sh $(BIN)/python -m pytest -m vllm $(ARGS)

lint: $(INSTALLED) ## style, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: $(INSTALLED) ## the style that `make lint` wants, as far as a program can write it
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

proto: $(INSTALLED) ## extproc/protocol/envoy_pb2 from envoy.proto
	cd extproc/protocol && $(CURDIR)/$(BIN)/python -m grpc_tools.protoc -I . --python_out=. --pyi_out=. envoy.proto

examples: $(INSTALLED) ## what is written from the code: envoy/, istio/, docs/configuration.md, docs/tiermesh.schema.json
	$(BIN)/python -m extproc.mesh.examples
	$(BIN)/python -m extproc.config.reference
	$(BIN)/python -m extproc.config.schema

bench: $(INSTALLED) ## what TierMesh adds to Envoy, as ratios (ARGS="--quick" for 40 seconds)
	@$(BIN)/tiermesh bench $(ARGS)

# In an environment of its own: training needs torch, which nothing else here does. Seeds are fixed, so it gives the shipped bytes
# on a machine like the one they were made on; elsewhere sums are rounded differently, and the metrics move by about a point.
TRAIN := build/train
train: ## the classifier's model, made again in build/model (ROUTING_DATA=DIR for the public prompts that models/README.md names)
	@test -x $(TRAIN)/bin/python || "$${PYTHON:-python3.11}" -m venv $(TRAIN)
	@$(TRAIN)/bin/python -m pip --disable-pip-version-check install --quiet -r models/requirements.txt
	OMP_NUM_THREADS=1 $(TRAIN)/bin/python -m models.train $(if $(ROUTING_DATA),--routing-data $(ROUTING_DATA)) --out build/model $(ARGS)

lock: $(INSTALLED) ## the locks, after a change in pyproject.toml (ARGS=--upgrade for newer releases)
	$(LOCK) $(ARGS) --extra local --extra dev --output-file requirements.lock pyproject.toml
	$(LOCK) --constraint requirements.lock --extra embedded --output-file deploy/runtime.lock pyproject.toml

clean: ## remove .venv, caches and what was built
	rm -rf $(VENV) build dist .run .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
