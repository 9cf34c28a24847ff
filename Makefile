# Two commands do it all: `make demo` runs the shop on this machine, `make test` runs its tests; `make system` and `make live` add those that take whole systems.
SYSTEM = tests/crash tests/backup tests/blackbox tests/exchanges tests/extraction tests/tracing tests/partitions tests/journeys/test_crowd.py tests/process/test_demo.py tests/process/test_registered.py tests/process/test_serve.py tests/promotions/test_kill.py tests/promotions/test_command.py tests/products/test_command.py tests/observability/test_series.py
LIVE = tests/faults tests/live tests/observability/test_promtool.py
PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,$(shell $(name) -c 'import sys; sys.version_info >= (3, 11) and print("$(name)")' 2>/dev/null)))
PIP = .venv/bin/python -m pip --disable-pip-version-check --quiet

.PHONY: demo test system live check lock clean

demo: .venv/run
	@exec .venv/bin/shop demo $(ARGS)

test: .venv/dev
	.venv/bin/pytest -n 2 $(addprefix --ignore=,$(SYSTEM) $(LIVE)) $(ARGS)

system: .venv/dev
	.venv/bin/pytest -n 2 $(SYSTEM) $(ARGS)

live: .venv/dev
	.venv/bin/pytest $(LIVE) $(ARGS)

check: .venv/dev
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/lint-imports
	.venv/bin/mypy
	.venv/bin/pyright
	.venv/bin/shop ports --check
	.venv/bin/shop openapi --check

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Shop needs Python 3.11 or newer; none was found." >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/run: requirements.txt requirements-build.txt pyproject.toml | .venv/bin/python
	$(PIP) install --require-hashes -r requirements.txt -r requirements-build.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	@.venv/bin/python -m compileall -q src
	@touch $@

.venv/dev: .venv/run requirements-dev.txt
	$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $@

lock: .venv/dev
	$(PIP) install uv
	.venv/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header pyproject.toml -o requirements.txt
	.venv/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --group build -o requirements-build.txt
	.venv/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header pyproject.toml --group dev -o requirements-dev.txt

clean:
	rm -rf .venv build dist var .mypy_cache .ruff_cache .pytest_cache .hypothesis
