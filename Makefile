VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
LOCK := $(BIN)/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate \
  --custom-compile-command 'make lock' pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help venv run migrate test lint format bench lock servers

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: $(VENV)/.runtime ## Create the virtual environment, from pinned and hashed packages

run: $(VENV)/.runtime ## Start a development service on HOST and PORT (127.0.0.1:5000)
	@exec $(BIN)/python -m cli.run
