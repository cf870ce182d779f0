import dataclasses
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
        ("orig", "data.targets=zones", "--variant zones or fronts"),
        ("orig", "train.monitor=val_iou", "no validation loss ranks"),
        ("orig", "train.patience=3", "which is none"),
        ("zones", "data.targets=sar", "takes zones or fronts"),
        ("zones", "data.mask=binary", "predicts all four"),
        ("zones", "model.unet_rates=0", "from 1"),
        ("fronts", "data.front_width=4", "odd numbers"),
        ("orig", "data.inputs=", "at least one role"),
        ("orig", "model.discriminator_strides=2,2,2", "five numbers"),
        ("orig", "model.discriminator_strides=2,2,3,1,1", "There are: 1, 2"),
        ("orig", "data.condition=sensors", "Did you mean 'sensor'"),
        ("zones", "model.unet_rates=", "whole numbers"),
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
        *([] if variant == "speckle" else [f"data.inputs={','.join(inputs)}"]),  # speckle generates from zones alone
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
    with pytest.raises(UserError, match="leave data.targets empty"):
        config.make_config("clouds", ["data.targets=optical"])
    with pytest.raises(UserError, match="use val_loss"):
        config.make_config("clouds", ["train.monitor=val_iou"])


# ---- Files and earlier names ----------------------------------------------------------------------------------------

EARLIER = {
    "variant": "gen5",
    "data": {"inputs": ["zones"], "hide_condition": 0.2, "wrap": 0.3},
    "model": {"generator_kernel": 5, "levels": 6, "noise_blocks": 7},
    "train": {"best_by": "none", "clip_norm": 0, "epoch_steps": 9, "keep_checkpoints": 3, "validate": 40},
}


def test_the_earlier_names_in_a_runs_configuration_are_read_silently(capsys):
    now = ["data.condition_dropout=0.2", "data.elastic=0.3", "model.depth=6", "model.dropout_blocks=7"]
    now += ["train.steps_per_epoch=9", "train.max_to_keep=3", "train.validation_patches=40"]
    assert config.from_dict(EARLIER) == config.make_config("gen5", now)
    assert capsys.readouterr() == ("", "")


def test_an_earlier_name_in_an_override_works_and_is_answered_with_the_new_one(capsys):
    assert config.make_config("zones", ["train.best_by=val_loss"]).train.monitor == "val_loss"
    assert capsys.readouterr().err == "train.best_by is now called train.monitor; the earlier name still works\n"


@pytest.mark.parametrize(
    ("variant", "option"),
    [("speckle", "loss.l1=50"), ("gen5", "model.flow_lines=true"), ("zones", "loss.gan=2"), ("clouds", "loss.dice=1")],
)
def test_an_option_of_another_network_is_said_to_have_no_effect(variant, option, capsys):
    network = config.make_config(variant, [option]).model.network
    key = option.partition("=")[0]
    assert capsys.readouterr().err == f"warning: {key} has no effect with model.network={network}\n"
    owner = next(name for name, keys in config.ONLY.items() if key in keys)
    config.make_config(next(v for v, values in config.VARIANTS.items()
                            if values.get("model.network", "pix2pix") == owner), [option])  # fmt: skip
    assert capsys.readouterr().err == ""


def test_options_of_one_network_exist_and_belong_to_no_other():
    listed = [key for keys in config.ONLY.values() for key in keys]
    assert len(set(listed)) == len(listed) and set(listed) <= set(config.OPTIONS)


@pytest.mark.parametrize("names", [("monitor", "best_by"), ("best_by", "monitor")])
def test_of_two_spellings_of_an_option_the_later_counts(names, capsys):
    overrides = [f"train.{names[0]}=none", "train.patience=0", f"train.{names[1]}=val_loss"]
    assert config.make_config("zones", overrides).train.monitor == "val_loss"
    values = {"variant": "zones", "data": {"inputs": ["sar"], "targets": ["zones"]}, "model": {"network": "unet"}}
    both = values | {"train": {names[0]: "val_iou", names[1]: "val_loss"}}
    assert config.from_dict(both).train.monitor == "val_loss"


YAML = """\
variant: gen5
loss: {l1: 50}
train:
  learning_rate: 1e-3
  deterministic: true
data:
  inputs: [zones, elevation]
"""


def test_a_run_and_a_yaml_file_can_be_the_configuration(tmp_path):
    chosen = config.make_config("gen5", ["loss.l1=50", "train.learning_rate=1e-3", "train.deterministic=true"])
    chosen = dataclasses.replace(chosen, data=dataclasses.replace(chosen.data, inputs=("zones", "elevation")))
    (tmp_path / "c.yaml").write_text(YAML)
    (tmp_path / "config.json").write_text(json.dumps({"config": config.to_dict(chosen), "data": {"path": "x"}}))
    (tmp_path / "bare.json").write_text(json.dumps(config.to_dict(chosen)))
    for name in ("c.yaml", "config.json", "bare.json"):
        assert config.make_config(None, file=tmp_path / name) == chosen
        assert config.make_config("gen5", ["loss.l1=7"], tmp_path / name).loss.l1 == 7
    (tmp_path / "part.yml").write_text("train.epochs: 3\n")
    assert config.make_config("dis3", file=tmp_path / "part.yml") == config.make_config("dis3", ["train.epochs=3"])


@pytest.mark.parametrize(
    ("text", "variant", "message"),
    [
        ("loss: {l1: 50}", None, "names no variant: add --variant"),
        ("variant: gen5", "dis3", "configures the variant gen5, not dis3"),
        ("variant: gen55", None, "Did you mean 'gen5'"),
        ("loss: {ll: 50}", "gen5", r"c\.yaml: .*Did you mean 'loss.l1'"),
        ("train: {epochs: [1]}", "gen5", r"c\.yaml: train.epochs takes a value of type int"),
        ("loss: {l1: .nan}", "gen5", r"c\.yaml: loss.l1 takes a value from 0"),
        ("- 1", "gen5", "should hold a YAML object, not a list"),
        ("a: [", "gen5", "not readable as YAML"),
        ("config: 3", "gen5", r"c\.yaml: .*object of sections"),
        ("\x00", "gen5", "not readable as YAML"),
    ],
)
def test_a_configuration_file_that_does_not_fit_is_refused(text, variant, message, tmp_path):
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(UserError, match=message):
        config.make_config(variant, file=tmp_path / "c.yaml")
    with pytest.raises(UserError, match="There is no file"):
        config.make_config(variant, file=tmp_path / "nothing.yaml")
    with pytest.raises(UserError, match=r"is a folder\. --config takes a file"):
        config.make_config(variant, file=tmp_path)


def test_every_option_has_bounds_or_choices_and_its_default_is_allowed():
    free = {"data.inputs", "data.targets"}  # roles, which the data set decides on
    for key, option in config.OPTIONS.items():
        assert option.choices or option.kind is bool or option.high is not None or key in free, key
        assert option.convert(option.default) == option.default
        assert isinstance(option.default, tuple) or type(option.default) is option.kind, key


def test_the_earlier_names_lead_to_options_that_exist():
    assert set(config.RENAMED.values()) <= set(config.OPTIONS)
    assert not set(config.RENAMED) & set(config.OPTIONS)


def test_the_listing_has_every_option_with_its_default_reason_and_limits():
    text = "\n".join(config.option_lines())
    assert [line for line in config.option_lines() if line[:1].isalpha()][1] == "model: The networks."
    for key, option in config.OPTIONS.items():
        assert f"  {key}={option.default_text}" in text
        assert " ".join(f"{option.reason} ({option.allowed})".split()) in " ".join(text.split())
    assert max(map(len, config.option_lines())) <= 118
