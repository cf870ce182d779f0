# make paint   from nothing to a page to paint on, with the model of pretrained/; PORT=8501
# make demo    from nothing to pictures: environment, simulated data, a short training, a report, painted masks
# make test    the tests
# make test-long  those that take minutes: processes killed at random moments, many random inputs, the tutorial
# make lint    ruff check and format check, and mypy over the types
# make bench   speed and memory beside plain Keras code of the same networks, the server beside the bare model, and last
#              what was wanted and what came of it; some 45 minutes
# make bench-peer  the environment with PyTorch, beside which make bench then measures too
# TF=current   with any of them: the current TensorFlow in place of 2.15 with tensorflow-addons

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

# The demo trains compact networks on its own run folder, so that `python train.py --variant gen5` stays the paper's.
DEMO_RUN := runs/demo-$(TF)
# Six epochs are short: interpolation and noise keep plain areas free of grids, and with less weight on L1 and a smaller
# discriminator the two networks stay matched.
DEMO_SETTINGS := --epochs 6 --set train.export_every=2 \
	--set model.generator_width=24 --set model.discriminator_width=16 \
	--set model.depth=6 --set model.upsampling=resized --set model.dropout_blocks=7 --set loss.l1=20

PORT ?= 8501
BENCH := runs/bench# where the benchmarks keep their figures

.PHONY: paint demo test test-long lint bench bench-peer clean

paint: $(VENV)/.installed-serve
	$(RUN) -m pix2pix_tf.serving run --model pretrained/glacier --port $(PORT)

demo: $(VENV)/.installed
	$(RUN) train.py --variant gen5 --run $(DEMO_RUN) $(DEMO_SETTINGS)
	$(RUN) evaluate.py $(DEMO_RUN)
	$(RUN) -m pix2pix_tf.generate --model $(DEMO_RUN)/export/gen5 --masks datasets/simulated --split val --any-split \
		--output generated/demo-$(TF) --samples 3
	@echo
	@echo "The pictures are here:"
	@ls $(DEMO_RUN)/samples/*.png $(DEMO_RUN)/report/curves.png $(DEMO_RUN)/report/comparison.png \
		generated/demo-$(TF)/overview.png
	@echo "The report: $(DEMO_RUN)/report/report.html"

test: $(VENV)/.installed-dev
	$(RUN) -m pytest -n 2 --dist loadfile -m "not long"

test-long: $(VENV)/.installed-dev
	$(RUN) -m pytest -n 2 --dist load -m long

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
	rm -rf .venv .venv-current .venv-peer

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
