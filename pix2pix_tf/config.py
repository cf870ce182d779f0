"""Every option of a training, each with type, default, bounds or choices, unit, reason and source in one place.

A variant is a named set of differences from the defaults (`VARIANTS`). `option_lines` lists all options for the help.

Sources: [P] Dietrich-Sussner et al. 2021 (arXiv 2101.03252), the glacier synthesis paper; [I] Isola et al. 2017 (arXiv
1611.07004) and its published code; [C] Gourmelon et al. 2022 (ESSD 14, 4287), the CaFFe benchmark, and its published
code; [M] Cheng et al. 2022 (arXiv 2206.13042), SAR-to-optical in the MultiEarth challenge; [S] Park et al. 2019 (arXiv
1903.07291), semantic image synthesis with SPADE; [A] Sushko et al. 2021 (arXiv 2012.04781), OASIS; [K] Karras et al.
2018 (arXiv 1710.10196), averaged weights; [O] Odena et al. 2016 (doi 10.23915/distill.00003), on the grids that
transposed convolutions leave.
"""

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pix2pix_tf.utils import files
from pix2pix_tf.utils.errors import UserError, did_you_mean, truncate, truncated_repr
from pix2pix_tf.utils.options import Option, describe, option, options_of

GENERATORS = ("pix2pix", "speckle")  # networks that generate images
CONDITIONS = ("sensor", "season")  # metadata that a generator can receive


@dataclass(frozen=True)
class DataConfig:
    """The samples and their augmentation."""

    inputs: tuple[str, ...] = option(("zones",), "roles of the input, stacked along the channels")
    targets: tuple[str, ...] = option(("sar",), "roles of the target, stacked; empty for cloud classification")
    condition: tuple[str, ...] = option((), "metadata that the generator receives beside its input", choices=CONDITIONS)
    condition_dropout: float = option(0.1, "probability of hiding the condition, so that it stays optional", 0.0, 1.0)
    mask: str = option(
        "zones", "zones: one-hot, 4 channels; binary: ocean or not, 1 channel [P]", choices=("zones", "binary")
    )
    jitter: float = option(286 / 256, "factor of enlargement before a random crop [I]; 1: off", 1.0, 2.0)
    flip: float = option(0.5, "probability of a left-right flip [I]", 0.0, 1.0)
    rotate: float = option(0.0, "probability of a rotation by 90, 180 or 270 degrees [C]", 0.0, 1.0)
    brighten: float = option(0.0, "probability of brighter or darker SAR, by up to a fifth of the range [C]", 0.0, 1.0)
    elastic: float = option(0.0, "probability of an elastic deformation [C]", 0.0, 1.0)
    noise: float = option(0.0, "probability of more speckle in the SAR, multiplicative, deviation 0.3 [C]", 0.0, 1.0)
    zone_tones: float = option(0.0, "probability of another brightness of each zone, by up to 8 dB, in SAR", 0.0, 1.0)
    contrast: float = option(0.0, "probability of another contrast of SAR, gamma 0.5 to 2", 0.0, 1.0)
    affine: float = option(0.0, "probability of a zoom by 0.7 to 1.4 and a turn by up to 20 degrees", 0.0, 1.0)
    blur: float = option(0.0, "probability of blurred SAR, deviation 0.5 to 1.5 pixels", 0.0, 1.0)
    cloudy: float = option(0.1, "cloud fraction above which cloud classification labels a patch cloudy", 0.0, 1.0)
    max_cloud: float = option(1.0, "cloud fraction above which a target is left out [M]; 1: keep all", 0.0, 1.0)
    front_width: int = option(5, "width to which front lines are dilated for training, odd [C]", 1, 99, unit="pixels")


@dataclass(frozen=True)
class ModelConfig:
    """The networks."""

    network: str = option(
        "pix2pix",
        "pix2pix: generator and discriminator; speckle: generator with style and two discriminators; unet: "
        "segmentation; vgg: cloud classification",
        choices=("pix2pix", "speckle", "unet", "vgg"),
    )
    depth: int = option(8, "halvings from the image to the generator's smallest map: 5 to 8 [I], speckle 2 to 5", 2, 8)
    generator_width: int = option(64, "filters at its largest map; deeper: up to 8 times [I], speckle 12", 1, 1024)
    generator_kernel: int = option(4, "side of the generator's kernels [I]", 2, 15, unit="pixels")
    upsampling: str = option(
        "transposed",
        "transposed: transposed convolutions [I]; resized: convolve, then interpolate, which leaves no grids [O]",
        choices=("transposed", "resized"),
    )
    dropout: float = option(0.5, "dropout rate: pix2pix's noise z [I], or at the bottom of the U-Net [C]", 0.0, 0.95)
    dropout_blocks: int = option(3, "decoder blocks with dropout, from the innermost [I]; 7: plain areas vary", 0, 7)
    spade_width: int = option(0, "filters of SPADE, by which the mask modulates the norms [S]; 0: no SPADE", 0, 1024)
    flow_lines: bool = option(False, "speckle draws noise out along the way of the ice to the ocean: flow lines")
    exact_tones: bool = option(
        False, "speckle gives each zone exactly the mean log tone of its style, also of styles not seen in training"
    )
    discriminator_width: int = option(64, "filters of its first layer; the next: 2, 4, 8 times as many [I]", 1, 1024)
    discriminator_strides: tuple[int, ...] = option(
        (2, 2, 2, 1, 1), "of its five layers: 2,2,2,1,1 gives 30x30 scores [I], 2,2,2,2,1 gives 16x16", choices=(1, 2)
    )
    discriminator_kernel: int = option(4, "side of the discriminator's kernels [I]", 2, 15, unit="pixels")
    discriminator_norm: bool = option(
        False, "instance norm in speckle's PatchGAN, which then looks at structure more than at brightness [S]"
    )
    norm: str = option(
        "instance",
        "instance: the papers' batch norm at batch size 1, for any batch size",
        choices=("instance", "batch", "none"),
    )
    unet_width: int = option(32, "filters of the U-Net's first level; the next: 2, 4, 8, 16 times as many [C]", 1, 1024)
    vgg_width: int = option(16, "filters of the cloud network's first level; the next: 2, 4, 8 times as many", 1, 1024)
    unet_rates: tuple[int, ...] = option(
        (1, 2, 4, 8), "dilation rates of the U-Net's atrous convolutions [C]", 1, 1024, unit="pixels"
    )

    @property
    def width(self) -> int:
        """Return the filters of the first layer of the network that is exported."""
        if self.network in GENERATORS:
            return self.generator_width
        return {"unet": self.unet_width, "vgg": self.vgg_width}[self.network]


@dataclass(frozen=True)
class LossConfig:
    """Weights of the loss terms: gan, l1, mse of pix2pix; pixel to style of speckle; the rest of zones and fronts."""

    gan: float = option(1.0, "weight of the adversarial loss [I]", 0.0, 1e6)
    l1: float = option(100.0, "weight of the mean absolute error [I]", 0.0, 1e6)
    mse: float = option(0.0, "weight of the mean squared error, beside L1 [M]", 0.0, 1e6)
    pixel: float = option(1.0, "weight of the discriminator that names each pixel's class [A]", 0.0, 1e6)
    zones: float = option(
        0.0,
        "weight of the zone that the pixel discriminator sees in generated pixels, be they generated or not",
        0.0,
        1e6,
    )
    texture: float = option(1.0, "weight of the PatchGAN of image and mask, hinge loss", 0.0, 1e6)
    features: float = option(
        5.0, "weight of the difference of the pixel discriminator's features, real and generated", 0.0, 1e6
    )
    mean_tone: float = option(2.0, "weight of the mean absolute error of means over 8 x 8 pixels", 0.0, 1e6)
    style: float = option(10.0, "weight of the difference of brightness and texture of each zone", 0.0, 1e6)
    grid: float = option(
        0.0, "weight of a zone's brightness by a pixel's place in squares of 4 x 4, which keeps out grids", 0.0, 1e6
    )
    cross_entropy: float = option(0.5, "weight of the cross entropy, for zones [C]", 0.0, 1e6)
    dice: float = option(0.5, "weight of the Dice loss, for zones [C]", 0.0, 1e6)
    distance_dilation: int = option(5, "square by which the loss dilates a front once more [C]", 1, 99, unit="pixels")
    distance_background: float = option(0.1, "weight of pixels farther from a front than that [C: k]", 0.0, 1.0)
    distance_relax: float = option(1.0, "rise of the weight towards the front's middle [C]", 1e-3, 1e3, unit="pixels")


@dataclass(frozen=True)
class TrainConfig:
    """The optimisation, and the results that are kept."""

    epochs: int = option(
        210, "passes over the training patches [P], or times steps_per_epoch", 1, 1_000_000, unit="epochs"
    )
    steps_per_epoch: int = option(
        0, "steps before validation, log and export; 0: one pass", 0, 1_000_000_000, unit="steps"
    )
    batch_size: int = option(1, "patches of a step, on all devices together [I]", 1, 65_536, unit="patches")
    learning_rate: float = option(2e-4, "of Adam [I]", 1e-12, 1.0)
    discriminator_learning_rate: float = option(0.0, "of a GAN's discriminators; 0: as learning_rate", 0.0, 1.0)
    decay_epochs: int = option(
        0, "last epochs, over which a GAN's learning rates fall linearly to 0", 0, 1_000_000, unit="epochs"
    )
    max_learning_rate: float = option(0.0, "peak of a triangular learning rate [C]; 0: constant", 0.0, 1.0)
    step_size_up: int = option(
        30_000, "steps up to max_learning_rate, and as many down [C]", 1, 1_000_000_000, unit="steps"
    )
    beta_1: float = option(0.5, "Adam's decay of the first moment; with 0.9 GANs oscillate [I]", 0.0, 0.9999)
    beta_2: float = option(0.999, "Adam's decay of the second moment [I]", 0.0, 0.99999)
    drawn_masks: float = option(
        0.0, "share of images that speckle generates from fjords drawn at random in training", 0.0, 1.0
    )
    average_images: float = option(
        0.0, "horizon of a moving average of a generator's weights [K]; 0: none", 0.0, 1e9, unit="images"
    )
    discriminator_shift: int = option(
        0, "speckle: largest random shift of what the losses see, which keeps out grids", 0, 62, unit="pixels"
    )
    discriminator_every: int = option(1, "2: train the discriminator in every other pass only [M]", 1, 1_000_000)
    global_clipnorm: float = option(0.0, "largest norm of all gradients together [C]; 0: no clipping", 0.0, 1e6)
    monitor: str = option(
        "none",
        "validation value by which only the best epochs are exported; none: export every export_every epochs",
        choices=("none", "val_iou", "val_loss"),
    )
    patience: int = option(
        0, "epochs without improvement after which training stops [C]; 0: never", 0, 1_000_000, unit="epochs"
    )
    seed: int = option(0, "seed of initial weights, order, augmentation and dropout", 0, 2**31 - 1)
    precision: str = option(
        "auto",
        "of the computation; auto: by the device",
        choices=("auto", "float32", "mixed_bfloat16", "mixed_float16"),
    )
    devices: int = option(0, "GPUs of each machine that share a batch; 0: all, or one for a batch of 1", 0, 1024)
    deterministic: bool = option(False, "bit-identical results of every run on one machine; slower on a GPU")
    export_every: int = option(
        10, "epochs between SavedModels; the last epoch is always exported", 1, 1_000_000, unit="epochs"
    )
    export_precision: str = option(
        "auto",
        "of exports' computation; auto: the training's; float32: fast on processors without bfloat16, too",
        choices=("auto", "float32"),
    )
    export_weights: bool = option(
        True, "exports contain the float32 weights of all networks, for --init; false: smaller exports"
    )
    checkpoint_minutes: float = option(10.0, "time between checkpoints, at most", 0.0, 1e6, unit="minutes")
    log_steps: int = option(
        100, "steps between TensorBoard scalars; log.jsonl has one line an epoch", 1, 1_000_000, unit="steps"
    )
    validation_patches: int = option(
        200, "validation patches scored after each epoch, evenly spaced", 1, 1_000_000, unit="patches"
    )
    max_to_keep: int = option(2, "newest checkpoints to keep", 1, 1_000)
    samples: int = option(6, "validation patches in each grid of samples, the same ones every time", 1, 64)


@dataclass(frozen=True)
class Config:
    """The configuration of one training."""

    variant: str
    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    train: TrainConfig = field(default_factory=TrainConfig)


SECTIONS: dict[str, type] = {"data": DataConfig, "model": ModelConfig, "loss": LossConfig, "train": TrainConfig}
OPTIONS: dict[str, Option] = {
    key: one for section, holder in SECTIONS.items() for key, one in options_of(section, holder).items()
}

# The common part of the two baselines of the CaFFe benchmark [C].
_UNET = {
    "data.inputs": "sar",
    "data.jitter": "1",
    "model.network": "unet",
    "model.norm": "batch",
    "train.epochs": "150",
    "train.batch_size": "16",
    "train.beta_1": "0.9",
    "train.global_clipnorm": "1",
    "train.patience": "30",
    "train.validation_patches": "1000000",  # all of them, as they choose the best epoch
}

# A variant's differences from the defaults. A variant is chosen with `train.py --variant NAME`.
VARIANTS: dict[str, dict[str, str]] = {
    # zones to SAR: the paper's five [P], and SPADE [S]
    "orig": {},
    "gen5": {"model.generator_kernel": "5"},
    "dis3": {"model.discriminator_kernel": "3"},
    "l11gan100": {"loss.l1": "1", "loss.gan": "100"},
    "l150gan50": {"loss.l1": "50", "loss.gan": "50"},
    "spade": {"model.spade_width": "64"},
    # the same, for images that convince: style, multiplicative speckle, and two discriminators [A]
    "speckle": {
        "data.jitter": "1",
        "data.rotate": "0.75",
        "model.network": "speckle",
        "model.depth": "5",
        "model.generator_width": "16",
        "model.flow_lines": "true",
        "model.exact_tones": "true",
        "model.discriminator_width": "16",
        "model.discriminator_norm": "true",
        "loss.zones": "2",
        "loss.features": "1",
        "loss.mean_tone": "1",
        "loss.grid": "50",
        "train.epochs": "64",
        "train.batch_size": "2",
        "train.discriminator_learning_rate": "3e-4",
        "train.beta_1": "0",
        "train.beta_2": "0.99",
        "train.global_clipnorm": "20",
        "train.average_images": "500",
        "train.drawn_masks": "0.25",
        "train.discriminator_shift": "32",
    },
    # SAR to optical, and the cloud classification of its targets [M]
    "sar2optical": {
        "data.inputs": "sar_vv,sar_vh",
        "data.targets": "optical",
        "loss.mse": "100",
        "train.discriminator_every": "2",
    },
    "clouds": {
        "data.inputs": "optical",
        "data.targets": "",
        "data.jitter": "1",
        "data.rotate": "0.75",
        "model.network": "vgg",
        "model.norm": "batch",
        "train.epochs": "30",
        "train.batch_size": "16",
        "train.learning_rate": "1e-3",
        "train.beta_1": "0.9",
        "train.monitor": "val_loss",
        "train.patience": "10",
        "train.validation_patches": "1000000",
    },
    # SAR to zones or fronts: the benchmark's baselines [C]
    "zones": _UNET
    | {
        "data.targets": "zones",
        "train.learning_rate": "4e-5",
        "train.max_learning_rate": "2e-4",
        "train.monitor": "val_iou",
    }
    | {"data.flip": "0.3", "data.rotate": "0.5", "data.brighten": "0.1", "data.elastic": "0.1", "data.noise": "0.5"},
    "fronts": _UNET
    | {
        "data.targets": "fronts",
        "train.learning_rate": "1e-4",
        "train.max_learning_rate": "5e-4",
        "train.monitor": "val_loss",
    }
    | dict.fromkeys(("data.flip", "data.rotate", "data.brighten", "data.elastic", "data.noise"), "0.65"),
}

# Options that one network alone reads; with another one they have no effect.
ONLY = {
    "pix2pix": (
        "model.generator_kernel",
        "model.upsampling",
        "model.dropout_blocks",
        "model.spade_width",
        "model.discriminator_strides",
        "model.discriminator_kernel",
        "loss.gan",
        "loss.l1",
        "loss.mse",
        "train.discriminator_every",
    ),
    "speckle": (
        "model.flow_lines",
        "model.exact_tones",
        "model.discriminator_norm",
        "loss.pixel",
        "loss.zones",
        "loss.texture",
        "loss.features",
        "loss.mean_tone",
        "loss.style",
        "loss.grid",
        "train.drawn_masks",
        "train.discriminator_shift",
    ),
    "unet": ("model.unet_width", "model.unet_rates", "loss.cross_entropy", "loss.dice"),
    "vgg": ("model.vgg_width",),
}


# Earlier names of options, which commands and the config.json of older runs may use.
RENAMED = {
    "train.best_by": "train.monitor",
    "train.epoch_steps": "train.steps_per_epoch",
    "train.clip_norm": "train.global_clipnorm",
    "train.peak_rate": "train.max_learning_rate",
    "train.rise_steps": "train.step_size_up",
    "train.keep_checkpoints": "train.max_to_keep",
    "train.validate": "train.validation_patches",
    "data.hide_condition": "data.condition_dropout",
    "data.wrap": "data.elastic",
    "model.noise_blocks": "model.dropout_blocks",
    "model.levels": "model.depth",
}


def make_config(variant: str | None, overrides: Sequence[str] = (), file: Path | None = None) -> Config:
    """Build the configuration of a variant, changed first by a file and then by the user's overrides.

    An earlier name of an option works in an override; one line on stderr gives the new name.

    Args:
      variant: a key of VARIANTS; the paper's spelling with a comma ("l11,gan100") works too. None: the file's.
      overrides: "section.option=value"; tuples are written with commas ("data.inputs=zones,elevation").
      file: a run's config.json, or a configuration as JSON or YAML, whole or in part.

    Raises:
      UserError: unknown variant or option (with the nearest name), a value that does not fit, or a file that cannot
        be read.
    """
    from_file = read_file(file) if file else {}
    own = str(from_file.pop("variant", "") or "")
    if variant and own and variant.replace(",", "") != own.replace(",", ""):
        raise UserError(f"{file} configures the variant {own}, not {variant}: leave --variant out, or name {own}.")
    if not variant and not own:
        raise UserError(f"{file or 'The configuration'} names no variant: add --variant.")
    name = (variant or own).replace(",", "")
    if name not in VARIANTS:
        raise did_you_mean("variant", variant or own, VARIANTS)
    values: dict[str, Any] = VARIANTS[name] | from_file
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals:
            raise UserError(f"--set takes KEY=VALUE, such as loss.l1=50, not {truncated_repr(override)}.")
        key = key.strip()
        if key in RENAMED:
            print(f"{key} is now called {RENAMED[key]}; the earlier name still works", file=sys.stderr)
        values[RENAMED.get(key, key)] = value.strip()
    built = _build(name, values)
    network = built.model.network
    for key in (override.partition("=")[0].strip() for override in overrides):
        if any(RENAMED.get(key, key) in keys and network != one for one, keys in ONLY.items()):
            print(f"warning: {key} has no effect with model.network={network}", file=sys.stderr)
    return built


def read_file(path: Path) -> dict[str, Any]:
    """Read a configuration, whole or in part: dotted keys and "variant", with the values of the file.

    Args:
      path: .json, else YAML. A run's config.json has the configuration under "config"; a bare one is read as well.

    Raises:
      UserError: the file cannot be read, or holds something else; the message names it.
    """
    if path.is_dir():
        raise UserError(f"{path} is a folder. --config takes a file, such as {path / 'config.json'}.")
    values = files.read_json(path) if path.suffix.lower() == ".json" else files.read_yaml(path)
    try:
        flat = _flat(values.get("config", values))
        for key, value in flat.items():
            if key != "variant":
                _convert(key, value)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    return flat


def to_dict(config: Config) -> dict:
    """Return the configuration as JSON holds it: nested dictionaries, lists for tuples."""
    return {
        name: value
        if isinstance(value, str)
        else {key: list(v) if isinstance(v, tuple) else v for key, v in value.items()}
        for name, value in dataclasses.asdict(config).items()
    }


def from_dict(values: Mapping) -> Config:
    """Build a configuration from what `to_dict` returned; earlier names of options are accepted.

    Raises:
      UserError: an unknown key (with the nearest name), or a value that does not fit.
    """
    flat = _flat(values)
    return _build(str(flat.pop("variant", "orig")), flat)


def differences(old: Config, new: Config) -> list[str]:
    """Return the differences of two configurations, one "key: old -> new" each; empty when they are equal."""
    before, after = _values(old), _values(new)
    return [f"{key}: {truncate(before[key])} -> {truncate(after[key])}" for key in after if before[key] != after[key]]


def option_lines() -> list[str]:
    """Return the help on all options, section by section."""
    lines = []
    for section, holder in SECTIONS.items():
        first_line = (holder.__doc__ or "").splitlines()[0]
        lines += [f"{section}: {first_line}", *describe(options_of(section, holder)), ""]
    return lines[:-1]


def _values(config: Config) -> dict[str, object]:
    flat: dict[str, object] = {"variant": config.variant}
    for key in OPTIONS:
        section, name = key.split(".")
        flat[key] = getattr(getattr(config, section), name)
    return flat


def _flat(values: Any) -> dict[str, Any]:
    """Sections of options -> dotted keys under their present names; of two spellings of an option the later counts."""
    if not isinstance(values, Mapping):
        raise UserError(f"A configuration is an object of sections, not {truncated_repr(values)}.")
    flat = {}
    for name, value in values.items():
        section = value.items() if isinstance(value, Mapping) else ()
        flat.update({f"{name}.{key}": v for key, v in section} or {str(name): value})
    return {RENAMED.get(key, key): value for key, value in flat.items()}


def _convert(key: str, value: Any) -> Any:
    if key not in OPTIONS:
        raise did_you_mean("option", key, OPTIONS)
    return OPTIONS[key].convert(value)


def _build(variant: str, values: Mapping[str, Any]) -> Config:
    """Dotted keys with text or JSON values -> a checked Config."""
    chosen: dict[str, dict] = {section: {} for section in SECTIONS}
    for key, value in values.items():
        converted = _convert(key, value)
        section, name = key.split(".")
        chosen[section][name] = converted
    config = Config(variant, **{section: holder(**chosen[section]) for section, holder in SECTIONS.items()})
    _check_data(config)
    _check_training(config)
    return config


def _check_data(config: Config) -> None:
    """Check the options that must fit together: roles, network and shapes."""
    data, network = config.data, config.model.network
    if not data.inputs or (not data.targets and network != "vgg"):
        raise UserError("data.inputs and data.targets each need at least one role, such as zones and sar.")
    if data.condition and network not in GENERATORS:
        raise UserError("data.condition is for generators; the networks unet and vgg receive the image alone.")
    if network == "vgg" and data.targets:
        raise UserError("model.network=vgg learns from the cloud fractions in dataset.json: leave data.targets empty.")
    if network == "speckle" and (data.inputs, data.targets, data.mask) != (("zones",), ("sar",), "zones"):
        raise UserError(
            "model.network=speckle generates sar from zones: leave data.inputs, data.targets and data.mask at their "
            "defaults, or use model.network=pix2pix."
        )
    if data.zone_tones and ("zones" not in data.inputs + data.targets or data.mask != "zones"):
        raise UserError("data.zone_tones changes the SAR of each zone: it needs the role zones, with data.mask=zones.")
    if network in GENERATORS and {"zones", "fronts"} & set(data.targets):
        raise UserError("A GAN generates brightness, not classes; for these use --variant zones or fronts.")
    if network == "unet" and data.targets not in (("zones",), ("fronts",)):
        raise UserError("model.network=unet segments: data.targets takes zones or fronts, one of them.")
    if network == "unet" and data.mask != "zones":
        raise UserError("data.mask=binary is for zones as an input; model.network=unet predicts all four classes.")
    if data.front_width % 2 == 0 or config.loss.distance_dilation % 2 == 0:
        raise UserError("data.front_width and loss.distance_dilation take odd numbers, so that a line stays in place.")


def _check_training(config: Config) -> None:
    """Check the options that must fit together: layers and the choice of the best epoch."""
    model, train = config.model, config.train
    if not model.unet_rates:
        raise UserError("model.unet_rates takes whole numbers of pixels from 1, such as 1,2,4,8.")
    if len(model.discriminator_strides) != 5:
        raise UserError("model.discriminator_strides takes five numbers, each 1 or 2, such as 2,2,2,1,1.")
    shallowest, deepest = {"pix2pix": (5, 8), "speckle": (2, 5)}.get(model.network, (2, 8))
    if not shallowest <= model.depth <= deepest:
        raise UserError(
            f"model.depth of model.network={model.network} is from {shallowest} to {deepest}, not {model.depth}."
        )
    if model.network not in GENERATORS and (train.average_images or train.decay_epochs):
        raise UserError("train.average_images and train.decay_epochs are for generators; leave them at 0.")
    if train.monitor != "none" and model.network in GENERATORS:
        raise UserError("train.monitor is for the networks unet and vgg; no validation loss ranks a GAN's epochs.")
    if train.patience and train.monitor == "none":
        raise UserError("train.patience waits for a better train.monitor, which is none: set it, or use patience 0.")
    if train.monitor == "val_iou" and model.network != "unet":
        raise UserError("train.monitor=val_iou is for networks that segment zones or fronts; use val_loss.")
