# Two cores, no GPU and an empty machine are enough for every target. `make help` explains them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV   := .venv
PYTHON := $(VENV)/bin/python
PIP    := $(PYTHON) -m pip install --quiet --disable-pip-version-check
# GB free before anything is installed: what stays, and the largest wheels beside it
NEEDED_GB := 7
DEMO   := work_dirs/demo

.PHONY: help setup demo test test-slow test-robust test-guards lint benchmark-codec benchmark-models benchmark-identity benchmark-clinical clean

help:  ## explain every target
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */\1\t/' | expand -t 20

setup: $(VENV)/.ready  ## create .venv with everything needed (skips what is there)

demo: setup  ## make 368 phantoms, train a small HRNet on them, evaluate it: about a quarter of an hour on two cores
	@# phantoms are drawn once; the training always starts anew
	[ -f data/demo/truth.json ] || $(PYTHON) tools/make_phantom.py data/demo --train 320 --val 48 --test 16 --seed 0
	$(PYTHON) tools/prepare_data.py data/demo
	rm -rf $(DEMO)
	$(PYTHON) tools/train.py configs/demo.py --work-dir $(DEMO)
	$(PYTHON) tools/test.py configs/demo.py $(DEMO)/best_spondylo_MRE_epoch_*.pth --out $(DEMO)/val

test: setup  ## run the tests (a few minutes) and report coverage
	$(PYTHON) -m pytest -m 'not slow and not robust and not gpu' --cov --cov-report=term

test-slow: setup  ## run the slow tests: full-size models, one step each
	$(PYTHON) -m pytest -m 'slow and not robust'

test-robust: setup  ## bad inputs, fuzzing, kills, full disks, load: five minutes, one table at the end
	$(PYTHON) -m pytest -p tests.robust_table -m 'not gpu' tests/bad_inputs tests/fuzz tests/robust

test-guards: setup  ## take out every refusal and safeguard, one at a time: does a test notice? twenty minutes
	$(PYTHON) -m tests.guards

lint: setup  ## check style
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

benchmark-codec: setup  ## time the codec against MMPose's; rewrites benchmarks/codec/results.*
	$(PYTHON) benchmarks/codec/run.py

benchmark-models: setup  ## train the published recipe, ours, and ours with one fault each: hours on two cores
	$(PYTHON) benchmarks/models/run.py

benchmark-identity: setup  ## which vertebra is which, step by step: hours on two cores
	$(PYTHON) benchmarks/identity/run.py

benchmark-clinical: setup  ## slips and grades against phantoms, with MODEL="CONFIG CHECKPOINT" predicted ones too; rewrites benchmarks/clinical/results.*
	$(PYTHON) benchmarks/clinical/run.py $(if $(MODEL),--model $(MODEL))

clean:  ## remove the environment and what the demo made
	rm -rf $(VENV) $(DEMO) data/demo

# The first Python of 3.11, 3.10 that really starts (a version manager's shim may exist and refuse).
$(VENV)/bin/python:
	@free=$$(( $$(df -Pk . | awk 'END {print $$4}') >> 20 )); [ $$free -ge $(NEEDED_GB) ] || \
	  { echo "error: $(CURDIR): $$free GB are free and $(NEEDED_GB) needed to install everything: make room" >&2; exit 1; }
	@for python in python3.11 python3.10 python3 python; do \
	  if $$python -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 11))' 2>/dev/null; then \
	    echo "creating $(VENV) with $$($$python --version)"; exec $$python -m venv $(VENV); fi; done; \
	echo 'error: Python 3.10 or 3.11 is needed (xtcocotools has no wheels for later ones); none was found' >&2; exit 1

$(VENV)/.ready: requirements/torch.txt requirements/mm.txt requirements/mmpose.txt requirements/test.txt setup.cfg pyproject.toml | $(VENV)/bin/python
	@echo 'installing torch with its CUDA libraries, the MM stack and this package into $(VENV) (6 GB): two to five minutes'
	$(PIP) --upgrade 'pip>=24' 'setuptools<81' wheel
	$(PIP) -r requirements/torch.txt
	$(PIP) -r requirements/torch.txt -r requirements/mm.txt -r requirements/test.txt
	$(PIP) --no-deps -r requirements/mmpose.txt
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@
