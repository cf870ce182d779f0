# make paint       install, and serve the model of pretrained/ with a page to paint on; PORT=8501
# make fronts      install, and find the calving fronts of simulated scenes; SCENES=FOLDER for your own, MULTILOOK=N to
#                  average N x N of their pixels, SEGMENTER=RUN for another network than that of pretrained/
# make demo        install, simulate data, train for a few minutes, write a report, generate images
# make test        the tests
# make test-long   tests that take minutes: killed processes, many random inputs, the tutorial
# make test-package  install the package into an empty environment, and use it from another folder
# make lint        ruff check and format check, mypy
# make bench       speed and memory compared with plain Keras code of the same networks, and the server compared with
#                  the bare model; some 45 minutes
# make bench-peer  the environment with PyTorch, which make bench then compares with, too
# TF=current       with any of them: the current TensorFlow in place of 2.15 with tensorflow-addons
# PYTHON=python3.x the interpreter of a new environment

PYTHON ?= python3
TF ?= addons

ifeq ($(TF),current)
VENV := .venv-current
REQUIREMENTS := requirements-current.txt
else ifeq ($(TF),addons)
VENV := .venv
REQUIREMENTS := requirements.txt
else
$(error TF is addons or current, not $(TF))
endif
RUN := $(VENV)/bin/python

# The demo has its own run folder, so that runs/speckle stays free.
DEMO_RUN := runs/demo-$(TF)
# Some 900 images: the weights settle over the last epochs, and their average follows closely.
DEMO_SETTINGS := --epochs 6 --set train.steps_per_epoch=75 --set train.export_every=3 --set train.decay_epochs=3 \
	--set train.average_images=100

SEGMENTER ?= $(firstword $(wildcard pretrained/zones runs/zones))
SCENES ?= datasets/simulated-scenes
# The network of pretrained/ knows whole scenes of 256 pixels; the simulated ones have 512.
MULTILOOK ?= $(if $(filter datasets/simulated-scenes,$(SCENES)),2)
FRONTS := fronts/$(notdir $(SCENES:%/=%))

PORT ?= 8501
BENCH := runs/bench# where the benchmarks keep their figures

PACKAGE := .venv-package
# a training of seconds
TINY := --epochs 1 --set train.batch_size=2 --set model.depth=5 --set model.generator_width=4 \
	--set model.discriminator_width=4

.PHONY: paint fronts demo test test-long test-package lint bench bench-peer clean

paint: $(VENV)/.installed-serve
	$(RUN) -m pix2pix_tf.serving run --model pretrained/glacier --port $(PORT)

fronts: $(VENV)/.installed
	$(if $(SEGMENTER),,$(error there is no network for zones: train one (python train.py --variant zones), or give SEGMENTER=RUN))
	$(if $(filter datasets/simulated-scenes,$(SCENES)),\
		$(RUN) -m pix2pix_tf.prepare simulate --output $(SCENES) --scenes 6 --size 512 --val 0.5)
	$(RUN) -m pix2pix_tf.fronts $(SCENES) --model $(SEGMENTER) --output $(FRONTS) $(if $(MULTILOOK),--multilook $(MULTILOOK))
	@echo
	@echo "Report: $(FRONTS)/report.html"
	@echo "Lines:  $(FRONTS)/fronts.gpkg"
	@ls $(FRONTS)/*/overlay.png

demo: $(VENV)/.installed
	$(RUN) train.py --variant speckle --init pretrained/glacier --run $(DEMO_RUN) $(DEMO_SETTINGS)
	$(RUN) evaluate.py $(DEMO_RUN)
	$(RUN) -m pix2pix_tf.generate --model $(DEMO_RUN) --masks datasets/simulated --split val --any-split \
		--output generated/demo-$(TF) --samples 3
	@echo
	@echo "Pictures:"
	@ls $(DEMO_RUN)/samples/*.png $(DEMO_RUN)/report/curves.png $(DEMO_RUN)/report/comparison.png \
		generated/demo-$(TF)/overview.png
	@echo "Report: $(DEMO_RUN)/report/report.html"

test: $(VENV)/.installed-dev
	$(RUN) -m pytest -n 2 --dist worksteal -m "not long"

test-long: $(VENV)/.installed-dev
	$(RUN) -m pytest -n 2 --dist load -m long

# build/ goes first, as setuptools would install modules from there that are gone.
test-package:
	rm -rf $(PACKAGE) build
	$(PYTHON) -m venv $(PACKAGE)
	$(PACKAGE)/bin/python -m pip install --quiet --disable-pip-version-check . pytest hypothesis
	$(PACKAGE)/bin/python -m pytest -q tests/test_config.py
	mkdir $(PACKAGE)/elsewhere
	cd $(PACKAGE)/elsewhere && export PATH=$(CURDIR)/$(PACKAGE)/bin:$$PATH && \
		pix2pix-tf --help && \
		pix2pix-tf prepare simulate --output data --scenes 4 --size 32 --val 0.5 && \
		pix2pix-tf train --variant gen5 --data data $(TINY) && \
		pix2pix-tf evaluate && \
		pix2pix-tf generate --model runs/gen5 --masks data --output generated

lint: $(VENV)/.installed-dev
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

bench: $(VENV)/.installed-dev
	@mkdir -p $(BENCH)
	$(RUN) -m benchmarks.speed.floor --output $(BENCH)/floor.json
	$(RUN) -m benchmarks.speed.speed --output $(BENCH)/speed.json
	$(RUN) -m benchmarks.speed.speed --variants gen5 spade --precisions bfloat16 --output $(BENCH)/variants.json
	$(RUN) -m benchmarks.speed.speed --precisions bfloat16 --sizes 128 512 --training 1 --generation 1 --output $(BENCH)/sizes.json
	$(RUN) -m benchmarks.speed.speed --precisions bfloat16 --training 8 16 --generation 16 --output $(BENCH)/batches.json
	$(RUN) -m benchmarks.speed.layers
	$(RUN) -m benchmarks.speed.pipeline
	$(RUN) -m benchmarks.speed.exports --output $(BENCH)/exports.json
	$(RUN) -m benchmarks.speed.start --output $(BENCH)/start.json
	$(RUN) -m benchmarks.speed.epochs --output $(BENCH)/epochs.json
	$(RUN) -m benchmarks.speed.serving
	$(RUN) -m benchmarks.speed.goals $(BENCH)

bench-peer: .venv-peer/.installed

.venv-peer/.installed:
	$(PYTHON) -m venv .venv-peer
	.venv-peer/bin/python -m pip install --quiet --disable-pip-version-check "torch>=2.6,<3" numpy
	@touch $@

clean:
	rm -rf .venv .venv-current .venv-peer $(PACKAGE) build

$(VENV)/.installed: $(REQUIREMENTS)
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check -r $(REQUIREMENTS)
	@touch $@

$(VENV)/.installed-serve: $(VENV)/.installed requirements-serve.txt
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements-serve.txt
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt requirements-dask.txt requirements-serve.txt
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@
