# Everything runs in .venv inside this checkout; nothing else on the machine is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# node and npm may come from the environment, see below
export PATH := $(CURDIR)/$(BIN):$(PATH)
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help install demo test check prove simulate mutate format lock clean

help:            ## say what there is
	@sed -n 's/^\([a-z]*\):.*## /  make \1  \t/p' $(MAKEFILE_LIST)

install: $(VENV)/.installed  ## make .venv with pinned dependencies, compile the contracts, install tallystick

$(VENV)/.installed: requirements.lock pyproject.toml hatch_build.py scripts/compile.py $(wildcard contracts/src/*.sol contracts/src/interfaces/*.sol)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --require-hashes -r requirements.lock
	command -v npm >/dev/null || $(PIP) --require-hashes -r requirements-node.lock
	$(PIP) --no-build-isolation --no-deps --editable .
	@touch $@

demo: install    ## a dozen companies over two years: sealed, reported, verified offline, three attacks that fail, one invoice financed once
	$(BIN)/tallystick demo

test: install    ## all tests: the contracts' forge suite, then everything in Python
	$(BIN)/python scripts/check_contracts.py test
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

check: install   ## style, types and architecture
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy backend/tallystick hardhat-free-devnet/hardhat_free_devnet scripts
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml backend hardhat-free-devnet/hardhat_free_devnet hatch_build.py
	$(BIN)/python scripts/check_dependencies.py
	$(BIN)/python scripts/compile.py --check
	$(BIN)/python scripts/check_contracts.py static

prove: install   ## prove symbolically that logs only grow and a receivable has one holder
	$(BIN)/python scripts/check_contracts.py prove

simulate: install  ## sender and indexer through 2,000 seeds of trouble
	$(BIN)/python scripts/simulate.py --seeds 1-2000

MUTATIONS ?= 100000

mutate: install  ## show the verifier 100,000 mutations of valid bundles, every tenth to an independent verifier too
	$(BIN)/python scripts/mutate_bundles.py --count $(MUTATIONS) --independent 10

format: install  ## rewrite the code in house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

LOCK := uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --quiet

lock:            ## resolve pyproject.toml anew into the lock files (needs uv)
	$(LOCK) pyproject.toml --extra postgresql --extra s3 --extra pkcs11 --group dev --output-file requirements.lock
	for group in node slither halmos fuzz; do $(LOCK) --group $$group --output-file requirements-$$group.lock || exit 1; done

clean:           ## remove what the build made
	rm -rf $(VENV) .venv-slither .venv-halmos .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist
	rm -rf contracts/node_modules contracts/out contracts/cache backend/tallystick/chain/artifacts/*.json
