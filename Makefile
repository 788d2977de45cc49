# Needs python3 (3.11 to 3.13), make and a package index; everything else is installed into .venv.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
PY := $(VENV)/bin/python
MADE := $(VENV)/.made
# Candidates for the environment's Python, best first: tensorflow-addons ends at Python 3.11.
PYTHON ?= python3.11 python3 python3.12 python3.13
EXTRAS := apps audio inpaint hub addons safetensors openvino onnx tune scale dev
# PyTorch for the CPU: where pip is told to look, or else PyTorch's own index.
TORCH_FROM := $(if $(PIP_FIND_LINKS),--find-links $(PIP_FIND_LINKS),--torch-backend cpu)
LOCK_FLAGS ?=

.PHONY: help demo app test lint bench lock clean

help: ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | \
	    awk -F '\t' '{printf "make %-6s %s\n", $$1, $$2}'

demo: $(MADE) ## one picture through every task; results in demo/
	$(PY) -m sightsound.demo --out demo

app: $(MADE) ## the pages, at http://127.0.0.1:8501
	$(VENV)/bin/sightsound app

test: lint ## lint, then every test
	@chromium="$$($(PY) tests/browser/get_chromium.py)" && \
	    SIGHTSOUND_CHROMIUM="$$chromium" $(PY) -m pytest --durations=15 \
	    --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

lint: $(MADE) ## format, lint, types, layers
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

bench: $(MADE) ## every benchmark, one table each
	@for script in $$(grep -l __main__ benchmarks/*.py); do echo "== $$script"; $(PY) "$$script" || exit 1; done

lock: $(MADE) ## solve requirements.txt anew (LOCK_FLAGS=--upgrade for the newest)
	$(PY) -m uv --quiet pip compile pyproject.toml --universal --python-version 3.11 \
	    $(addprefix --extra ,$(EXTRAS)) --custom-compile-command "make lock" \
	    --no-emit-index-url --no-emit-find-links $(LOCK_FLAGS) --output-file requirements.txt
	@echo "-e ." >>requirements.txt

clean: ## remove the environment and everything made
	rm -rf $(VENV) build dist demo .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# An unfinished environment is not .made, and an environment of another Python is made anew.
$(MADE): requirements.txt pyproject.toml
	@fits='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'; \
	found=; ready=; \
	if ! $(PY) -c "$$fits" 2>/dev/null; then \
	    for python in $(PYTHON); do \
	        "$$python" -c "$$fits" 2>/dev/null || continue; \
	        found=$$python; \
	        "$$python" -c 'import ensurepip, venv' 2>/dev/null && ready=$$python && break; \
	    done; \
	    if [ -z "$$found" ]; then \
	        echo "Sightsound needs Python 3.11, 3.12 or 3.13, and none of these is one: $(PYTHON)." \
	            "Install one, or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; \
	    elif [ -z "$$ready" ]; then \
	        echo "$$found cannot make a virtual environment: its modules venv and ensurepip are" \
	            "missing. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; \
	    fi; \
	    "$$ready" -m venv --clear $(VENV); \
	fi
	$(PY) -m pip install --quiet --disable-pip-version-check "$$(grep '^uv==' requirements.txt)"
	$(PY) -m uv pip install --quiet --compile-bytecode --python $(PY) \
	    --requirement requirements.txt
	$(PY) -m uv pip install --quiet --compile-bytecode --python $(PY) $(TORCH_FROM) \
	    --requirement pyproject.toml --extra parity
	@touch $@
