# One environment in .venv; every target installs what it needs first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup demo test test-fast check format lock samples clean

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml requirements.lock infra/setup.sh
	PYTHON=$(PYTHON) bash infra/setup.sh $(VENV)
	@touch $@

demo: setup
	@bash infra/demo.sh $(BIN)

test: setup
	$(BIN)/python -m pytest -m "not gpu and not slow"

test-fast: setup
	$(BIN)/python -m pytest -m "not gpu and not slow and not vllm and not ray"

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

samples: setup
	$(BIN)/python -m sample_data.generator

lock: setup
	@{ echo "# Every version, pinned for all: made by 'make lock', used as a constraints file."; \
	   $(BIN)/pip freeze --exclude-editable | grep -iv '^octoglot'; } > requirements.lock

clean:
	rm -rf $(VENV) results .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
