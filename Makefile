# Everything that a contributor types. `make` alone lists it.
#
# Needs GNU make (3.81 or newer) and Python 3.11 or newer; the rest is installed into .venv
# from requirements/*.txt, which pyproject.toml is compiled into.

SHELL := /bin/sh
PYTHON ?= python3
ARGS ?=
# Processes that run the tests; 0 is this one alone. 3 halve the time, since most of it
# is waiting, and now and then something takes longer than a test has patience for.
JOBS ?= 0

RUN := .venv/bin/python -m
READY := .venv/.ready

# An interpreter that was named is used, even if .venv has another one by now.
NAMED := $(if $(filter file,$(origin PYTHON)),,$(PYTHON))

# A .venv in a copied or moved tree would run the code of the old place, and one whose
# interpreter was upgraded away runs nothing.
STALE :=
ifneq ($(wildcard $(READY)),)
ifneq ($(shell test -x .venv/bin/python && sed -n 1p $(READY)),$(CURDIR))
STALE := FORCE
endif
ifneq ($(NAMED),)
ifneq ($(shell sed -n 2p $(READY)),$(NAMED))
STALE := FORCE
endif
endif
endif

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: help setup demo test servers lint style types bench peers docs lock clean FORCE

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1  \2/p' Makefile | \
	    awk '{ name = $$1; $$1 = ""; printf "  make %-7s%s\n", name, $$0 }'
	@printf '\n%s\n' "demo, test, bench and peers take ARGS='…', and every target PYTHON=/path/to/python3."

setup: $(READY) ## make .venv with what the demo and the tests need

demo: $(READY) ## run the demonstration
	@.venv/bin/moorline demo $(ARGS)

test: .venv/.frames .venv/.kernel ## run the tests
	$(RUN) pytest -n $(JOBS) $(ARGS)

servers: $(READY) ## fetch the servers that tests use if they are there (QuestDB, by Maven)
	$(RUN) tests.servers

lint: style types ## check style, formatting, types and changelog fragments

style: .venv/.lint
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(RUN) towncrier build --draft --version next >/dev/null

types: .venv/.lint ## check types only
	$(RUN) mypy
	$(RUN) pyright --project pyproject.toml

bench: .venv/.kernel ## run the benchmarks
	$(RUN) benchmarks $(ARGS)

# For which products; ARGS are for one of them.
OF ?= yugabyte dsql questdb

peers: .venv/.frames .venv/.kernel ## compare with the services' own drivers, in environments of their own
	@for product in $(OF); do $(RUN) benchmarks.peers_$$product $(ARGS) || exit; done

docs: .venv/.docs ## build the documentation into docs/_build/html
	$(RUN) sphinx -W -n --keep-going -q -b html docs docs/_build/html

# Resolves for every platform and Python at once. ARGS=--upgrade takes newer versions;
# without it, versions that still satisfy pyproject.toml stay. Each file is constrained by
# those before it, because all of them are installed into one environment. No address is
# written: the hashes say what a package is, whichever index it comes from.
LOCK = .venv/bin/uv pip compile --quiet --universal --python-version 3.11 \
    --generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links \
    --custom-compile-command 'make lock' $(ARGS)

lock: $(READY) ## compile requirements/*.txt from pyproject.toml
	$(LOCK) --group bootstrap -o requirements/bootstrap.txt
	$(LOCK) pyproject.toml --extra all --group dev -o requirements/dev.txt
	$(LOCK) --group frames -c requirements/dev.txt -o requirements/frames.txt
	$(LOCK) --group lint -c requirements/dev.txt -o requirements/lint.txt
	$(LOCK) --group docs -c requirements/dev.txt -c requirements/lint.txt -o requirements/docs.txt

clean: ## remove .venv and everything that was built
	rm -rf .venv build dist docs/_build src/*.egg-info .hypothesis
	rm -rf .mypy_cache .pytest_cache .ruff_cache
	rm -f src/moorline/_speed/*.so
	find src tests docs benchmarks -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || :

$(READY): pyproject.toml requirements/bootstrap.txt requirements/dev.txt $(STALE)
	@sh requirements/setup.sh $(if $(NAMED),'$(NAMED)')

# Linters, documentation tools and what only tests use are installed when they are first
# needed: with them the setup would download three times as much before the first demo.
.venv/.frames .venv/.lint .venv/.docs: .venv/.%: requirements/%.txt $(READY)
	@echo "setup: installing the packages of $<"
	@if [ -x .venv/bin/uv ]; then \
	    .venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes -r $<; \
	else \
	    $(RUN) pip install --quiet --require-hashes -r $<; \
	fi
	@touch $@

# Without a compiler it is left out, and Python does the work: that is no error.
.venv/.kernel: setup.py $(wildcard src/moorline/_speed/*.px[di] src/moorline/_speed/*.pyx) $(READY)
	@echo "setup: compiling the kernel"
	@.venv/bin/python setup.py --quiet build_ext --inplace
	@touch $@

FORCE:
