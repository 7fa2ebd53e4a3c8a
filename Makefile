# Thin aliases: each target sets up what it needs, so that a fresh machine needs no other command.

VENV   ?= .venv
PYTHON ?= python3
RUN    := $(VENV)/bin/

.PHONY: demo test lint bench clean

demo: $(VENV)/demo.done
	tools/setup-debian.sh demo
	$(RUN)python tools/demo.py

test: $(VENV)/test.done
	tools/setup-debian.sh test
	$(MAKE) lint
	QT_QPA_PLATFORM=offscreen $(RUN)python -m pytest $(PYTEST_ARGS)

lint: $(VENV)/test.done
	$(RUN)ruff format --check .
	$(RUN)ruff check .
	$(RUN)mypy
	$(RUN)lint-imports

bench: $(VENV)/test.done
	for script in $(filter-out benchmarks/measure.py,$(wildcard benchmarks/*.py)); do $(RUN)python $$script || exit 1; done

clean:
	rm -rf $(VENV) demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/bin/pip:
	tools/setup-debian.sh demo
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo.done: $(VENV)/bin/pip pyproject.toml
	$(RUN)pip install -q -e .
	touch $@

$(VENV)/test.done: $(VENV)/bin/pip pyproject.toml
	$(RUN)pip install -q --upgrade "pip>=25.1"
	$(RUN)pip install -q -e ".[gui]" --group test --group lint
	touch $@
