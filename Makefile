PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test test-slow test-external test-torch test-ray lint format bench bench-nets clean
.DEFAULT_GOAL := help

help:  ## Show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

$(VENV)/.core: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.core
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --group dev
	touch $@

demo: $(VENV)/.core  ## Train an agent for about a minute, record its games, watch the best one in the browser
	$(BIN)/game2048 demo

test: $(VENV)/.dev  ## Run the default test suite
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4

test-slow: $(VENV)/.dev  ## Run all tests: learning, a million boards, PostgreSQL, a wheel in an empty environment, external trainers
	$(BIN)/python -m pytest -m "not external"
	$(MAKE) test-external

test-external: .venv-external/.done .venv-rllib/.done  ## Run external trainers on the environment, in environments of their own
	.venv-external/bin/python -m pytest -m external tests/external
	RAY_USAGE_STATS_ENABLED=0 .venv-rllib/bin/python -m pytest -m external tests/external/test_rllib.py

test-torch: .venv-torch/.done  ## Compare nets with PyTorch: values, gradients, steps of optimisers
	.venv-torch/bin/python -m pytest tests/nets/torch

test-ray: .venv-ray/.done  ## Play and learn on a Ray cluster of this machine, kill workers on it
	.venv-ray/bin/python -m pytest tests/agents/distributed

.venv-ray/.done: tests/agents/distributed/requirements.txt pyproject.toml
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --requirement $< --editable ".[distributed]"
	touch $@

.venv-external/.done: tests/external/requirements.txt pyproject.toml
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $< --editable .
	touch $@

.venv-rllib/.done: tests/external/requirements-rllib.txt pyproject.toml
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $< --editable .
	touch $@

lint: $(VENV)/.dev  ## Check style, types and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev  ## Format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(VENV)/.dev .venv-peers/.done  ## Measure speed: this installation, then side by side with its peers
	$(BIN)/game2048 bench env
	$(BIN)/game2048 bench learn
	$(BIN)/python -m benchmarks.env

.venv-peers/.done: benchmarks/peers.txt
	$(PYTHON) -m venv $(@D)
	while read -r peer; do \
	  $(@D)/bin/python -m pip install --quiet --disable-pip-version-check "$$peer" || echo "left out: $$peer"; \
	done < $<
	touch $@

bench-nets: .venv-torch/.done  ## Measure training steps of nets side by side with PyTorch, a few minutes
	.venv-torch/bin/python -m benchmarks.nets

.venv-torch/.done: benchmarks/torch.txt pyproject.toml
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --requirement $< --editable .
	touch $@

clean:  ## Remove what the targets made
	rm -rf .venv .venv-* artefacts build dist .mypy_cache .pytest_cache .ruff_cache
