import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pix2pix_tf import config
from pix2pix_tf.utils.errors import UserError


@pytest.mark.parametrize(
    ("variant", "changes"),
    [
        ("orig", []),
        ("gen5", ["model.generator_kernel: 4 -> 5"]),
        ("dis3", ["model.discriminator_kernel: 4 -> 3"]),
        ("l11gan100", ["loss.gan: 1.0 -> 100.0", "loss.l1: 100.0 -> 1.0"]),
        ("l150gan50", ["loss.gan: 1.0 -> 50.0", "loss.l1: 100.0 -> 50.0"]),
    ],
)
def test_a_variant_differs_from_the_original_by_what_the_paper_says(variant, changes):
    found = config.differences(config.make_config("orig"), config.make_config(variant))
    assert sorted(change for change in found if not change.startswith("variant")) == changes


@pytest.mark.parametrize(
    ("variant", "rates", "chances", "best_by"),
    [("zones", (4e-5, 2e-4), (0.3, 0.5, 0.1, 0.1, 0.5), "val_iou"), ("fronts", (1e-4, 5e-4), (0.65,) * 5, "val_loss")],
)
def test_the_calving_front_baselines_are_those_of_the_benchmark(variant, rates, chances, best_by):
    chosen = config.make_config(variant)
    data, train = chosen.data, chosen.train
    assert (train.learning_rate, train.max_learning_rate) == rates
    assert (data.flip, data.rotate, data.brighten, data.elastic, data.noise) == chances
    assert (train.monitor, train.patience, train.global_clipnorm, train.step_size_up) == (best_by, 30, 1.0, 30_000)
    assert (train.epochs, train.batch_size) == (150, 16)
    assert chosen.data.inputs == ("sar",) and chosen.data.targets == (variant,)


def test_the_papers_spelling_of_a_variant_works():
    assert config.make_config("l11,gan100") == config.make_config("l11gan100")


def test_an_override_wins_over_the_variant_and_takes_its_options_type():
    chosen = config.make_config(
        "gen5", ["model.generator_kernel=3", "data.inputs=zones,elevation", "data.flip=0", "loss.l1=1e1"]
    )
    assert chosen.model.generator_kernel == 3
    assert chosen.data.inputs == ("zones", "elevation")
    assert chosen.data.flip == 0.0
    assert chosen.loss.l1 == 10.0


@pytest.mark.parametrize(
    ("variant", "override", "message"),
    [
        ("gen55", "", "Did you mean 'gen5'"),
        ("orig", "loss.ll=3", "Did you mean 'loss.l1'"),
        ("orig", "los.l1=3", "Did you mean 'loss.l1'"),
        ("orig", "model.norm=instanse", "Did you mean 'instance'"),
        ("orig", "loss.l1", "KEY=VALUE"),
        ("orig", "train.epochs=many", "type int"),
        ("orig", "train.epochs=1.5", "type int"),
        ("orig", "train.epochs=0", "from 1 to"),
        ("orig", "loss.l1=nan", "from 0.0 to"),
        ("orig", "train.deterministic=perhaps", "type bool"),
        ("orig", "data.flip=1.5", "from 0.0 to 1.0"),
        ("orig", "data.max_cloud=10", "from 0.0 to 1.0"),
        ("orig", "data.targets=zones", "--variant zones and fronts"),
        ("orig", "train.monitor=val_iou", "judged by eye"),
        ("orig", "train.patience=3", "which is none"),
        ("zones", "data.targets=sar", "takes zones or fronts"),
        ("zones", "data.mask=binary", "tells all four"),
        ("zones", "model.unet_rates=0", "from 1"),
        ("fronts", "data.front_width=4", "odd numbers"),
        ("orig", "data.inputs=", "at least one role"),
        ("orig", "model.discriminator_strides=2,2,2", "five numbers"),
    ],
)
def test_what_does_not_exist_or_fit_is_refused_with_the_cure(variant, override, message):
    with pytest.raises(UserError, match=message):
        config.make_config(variant, [override] if override else [])


@given(
    l1=st.floats(0, 1e6),
    epochs=st.integers(1, 1000),
    deterministic=st.booleans(),
    inputs=st.lists(st.sampled_from(["zones", "elevation", "sar_vv"]), min_size=1, max_size=3),
    variant=st.sampled_from(sorted(config.VARIANTS)),
)
def test_json_round_trip(l1, epochs, deterministic, inputs, variant):
    overrides = [
        f"loss.l1={l1!r}",
        f"train.epochs={epochs}",
        f"train.deterministic={deterministic}",
        f"data.inputs={','.join(inputs)}",
    ]
    chosen = config.make_config(variant, overrides)
    assert config.from_dict(json.loads(json.dumps(config.to_dict(chosen)))) == chosen


def test_an_unknown_key_in_a_file_is_refused():
    values = config.to_dict(config.make_config("orig"))
    values["loss"]["l2"] = 1.0
    with pytest.raises(UserError, match="Did you mean 'loss.l1'"):
        config.from_dict(values)


@pytest.mark.parametrize("values", [3, [], {"loss": 3}, {"loss": {"l1": [1]}}, {"train": {"epochs": 1e400}}])
def test_a_file_that_holds_something_else_is_refused(values):
    with pytest.raises(UserError):
        config.from_dict(values)


def test_sar_to_optical_trains_the_discriminator_every_other_epoch_with_both_errors():
    chosen = config.make_config("sar2optical")
    assert (chosen.data.inputs, chosen.data.targets) == (("sar_vv", "sar_vh"), ("optical",))
    assert chosen.train.discriminator_every == 2
    assert min(chosen.loss.gan, chosen.loss.l1, chosen.loss.mse) > 0


def test_the_cloud_network_has_no_target_image():
    assert config.make_config("clouds").data.targets == ()
    with pytest.raises(UserError, match="stays empty"):
        config.make_config("clouds", ["data.targets=optical"])
    with pytest.raises(UserError, match="take val_loss"):
        config.make_config("clouds", ["train.monitor=val_iou"])
