# Everything runs in .venv, which the first target that needs it creates. `make help` lists the targets.

SHELL := /bin/sh
PY := .venv/bin/python
PORT ?= 8000
OUT ?= out
PYTEST ?=
export PYTHONUNBUFFERED := 1

.DEFAULT_GOAL := help
.PHONY: help install demo serve test check bench web clean env-demo env-dev assets-demo assets-dev

help: ## show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' Makefile

install: assets-demo ## create .venv, install the four programs, fetch the small models and demo assets
	@echo "Ready: .venv/bin/avatar-runtime serves the API, make demo makes three videos."

demo: assets-demo ## make an English, a Mandarin and a Spanish video in out/
	@$(PY) scripts/demo.py --out "$(OUT)"

serve: assets-demo ## leave the API running on PORT (8000), everything in one process
	@$(PY) scripts/serve.py --port $(PORT)

test: assets-dev ## run the tests (PYTEST="-k words" chooses some)
	@$(PY) -m pytest $(PYTEST)

check: assets-dev ## the gate: ruff, mypy, import-linter, pytest
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy contracts gpu_service runtime evaluator scripts bench tests conftest.py
	@.venv/bin/lint-imports
	@$(PY) -m pytest $(PYTEST)

bench: assets-dev ## measure speed on this machine (bench/)
	@for script in bench/*.py; do echo "== $$script"; $(PY) "$$script" || exit 1; done

web: ## the browser studio
	@if [ -f web/package.json ]; then cd web && npm ci && npm run dev; \
	else echo "This version has no browser studio. The API has interactive pages: make serve, then open http://localhost:$(PORT)/docs"; exit 1; fi

clean: ## remove .venv, caches and out/ (keeps data/, models/ and .env)
	rm -rf .venv .cache out build .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find contracts gpu_service runtime evaluator scripts bench tests -name __pycache__ -type d -prune -exec rm -rf {} +

env-demo env-dev:
	@python=$$(sh scripts/find_python.sh) && "$$python" scripts/bootstrap.py --set $(@:env-%=%)

assets-demo: env-demo
assets-dev: env-dev
assets-demo assets-dev:
	@$(PY) scripts/download_models.py
	@$(PY) scripts/make_demo_voices.py
