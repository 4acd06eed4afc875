VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
# Four workers for two cores, because tests wait for servers and clocks half of the time.
PYTEST := $(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder
FUZZ_SECONDS ?= 600
# Compile each module once, and not again in every process of a test, even where the environment forbids it.
export PYTHONDONTWRITEBYTECODE :=
LOCK := $(BIN)/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate \
  --custom-compile-command 'make lock' pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help venv run migrate test test-fast fuzz lint format bench docs lock servers

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: $(VENV)/.runtime ## Create the virtual environment, from pinned and hashed packages

run: $(VENV)/.runtime ## Start a development service on HOST and PORT (127.0.0.1:5000)
	@exec $(BIN)/python -m cli.run

migrate: $(VENV)/.runtime ## Upgrade the schema of DATABASE_URL to this version
	@$(BIN)/flask database upgrade

test: $(VENV)/.docs servers tests/clients/node_modules docs/site/node_modules ## Run all tests on real servers; installs missing packages
	@$(PYTEST)

test-fast: $(VENV)/.development ## Run the tests that need no server, in about a minute
	@$(PYTEST) --fast

fuzz: $(VENV)/.fuzz servers ## Try to break the service for FUZZ_SECONDS (600) with each of FUZZ_TARGETS (all)
	@$(BIN)/python -m pytest -q -n 2 --hypothesis-profile=fuzz tests/fuzz
	@$(BIN)/python -m tests.fuzz --seconds $(FUZZ_SECONDS) $(FUZZ_TARGETS)

lint: $(VENV)/.development ## Check formatting, lint rules and types
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

format: $(VENV)/.development ## Apply safe lint fixes and format the code
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

bench: $(VENV)/.bench servers ## Measure BENCH (all, an hour): comparison, login, refresh …, as ratios
	@PYTHONPATH=$(VENV)/bench:$(VENV)/appbuilder $(BIN)/python -m bench $(BENCH)

docs: $(VENV)/.docs docs/site/node_modules ## Build the documentation as a site, in build/docs
	@$(BIN)/sphinx-build --fail-on-warning --nitpicky --quiet -c docs/site docs build/docs
	@echo 'Open build/docs/index.html in a browser.'

lock: $(VENV)/.development ## Pin the newest packages that pyproject.toml allows
	$(LOCK) --group build -o requirements.txt
	$(LOCK) --group build --group dev -c requirements.txt -o requirements-dev.txt
	$(LOCK:pyproject.toml=) --group appbuilder -c requirements.txt -c requirements-dev.txt -o requirements-appbuilder.txt
	$(LOCK:pyproject.toml=) --group bench -c requirements.txt -c requirements-dev.txt -c requirements-appbuilder.txt \
	  -o requirements-bench.txt
	$(LOCK:pyproject.toml=) --group fuzz -c requirements.txt -o requirements-fuzz.txt
	$(LOCK:pyproject.toml=) --group docs -c requirements-dev.txt -o requirements-docs.txt

servers:
	@.ci/install slapd 389-ds-base samba-ad-dc samba-ad-provision samba-dsdb-modules samba-vfs-modules ldb-tools \
	  postgresql pgbouncer prometheus redis-server chromium chromium-driver curl sqlite3 nginx-light caddy haproxy apache2-bin lua-socket fail2ban \
	  systemd uwsgi-core uwsgi-plugin-python3 freeradius libapache2-mod-wsgi-py3 libapache2-mod-auth-openidc gcc valgrind

%/node_modules: %/package-lock.json
	@command -v npm >/dev/null || .ci/install nodejs npm
	@npm ci --prefix $* --silent --no-audit --no-fund
	@touch $@

# Checked by every command. It is changed only if the environment is created again, and everything in it with it.
$(VENV)/.made: FORCE
	@.ci/venv $(VENV) $(PYTHON) '$(origin PYTHON)'

FORCE:

$(VENV)/.runtime: requirements.txt $(wildcard providers.txt) pyproject.toml $(VENV)/.made
	@echo 'Installing the dependencies of Latchkey (once) …'
	@$(PIP) install --require-hashes -r requirements.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@[ ! -e providers.txt ] || $(PIP) install -r providers.txt
	@touch $@

# In a folder of its own, as the next one, so that the commands of Flask do not import what the benchmarks compare.
$(VENV)/.bench: requirements-bench.txt $(VENV)/.development
	@.ci/install sqlite3 gcc python3-dev libldap2-dev libsasl2-dev
	@$(PIP) install --upgrade --target $(VENV)/bench --require-hashes -r requirements-bench.txt
	@touch $@

$(VENV)/.appbuilder: requirements-appbuilder.txt $(VENV)/.runtime
	@$(PIP) install --upgrade --target $(VENV)/appbuilder --require-hashes -r requirements-appbuilder.txt
	@touch $@

$(VENV)/.docs: requirements-docs.txt $(VENV)/.development
	@$(PIP) install --require-hashes -r requirements-docs.txt
	@touch $@

$(VENV)/.fuzz: requirements-fuzz.txt $(VENV)/.development
	@$(PIP) install --require-hashes -r requirements-fuzz.txt
	@touch $@

$(VENV)/.development: requirements-dev.txt $(VENV)/.runtime $(VENV)/.appbuilder
	@$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $@
