"""Every option of a training, with its unit and reason beside it; a variant is a difference one can name.

Sources: [P] Dietrich-Sussner et al. 2021 (arXiv 2101.03252), the glacier synthesis paper; [I] Isola et al. 2017 (arXiv
1611.07004) and its published code; [C] Gourmelon et al. 2022 (ESSD 14, 4287), the CaFFe benchmark, and its published
code; [M] Cheng et al. 2022 (arXiv 2206.13042), SAR-to-optical in the MultiEarth challenge; [S] Park et al. 2019 (arXiv
1903.07291), semantic image synthesis with SPADE; [O] Odena et al. 2016 (doi 10.23915/distill.00003), on the grids that
transposed convolutions leave.
"""

import dataclasses
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pix2pix_tf.utils.errors import UserError, did_you_mean, truncate, truncated_repr


@dataclass(frozen=True)
class DataConfig:
    """What a sample is, and how it is varied."""

    inputs: tuple[str, ...] = ("zones",)  # roles, stacked along the channels
    targets: tuple[str, ...] = ("sar",)  # roles, stacked along the channels; none for a network that tells clouds
    condition: tuple[str, ...] = ()  # facts told to the generator beside its input: sensor, season
    condition_dropout: float = 0.1  # probability that they are hidden in training, so that it paints without them too
    mask: str = "zones"  # zones: one-hot, 4 channels | binary: ocean against the rest, 1 channel [P]
    jitter: float = 286 / 256  # enlarge by this, then crop back at random [I]; 1: off
    flip: float = 0.5  # probability of left becoming right [I]
    rotate: float = 0.0  # probability of a turn by 90, 180 or 270 degrees [C]
    brighten: float = 0.0  # probability of SAR brighter or darker by up to a fifth of the range [C]
    elastic: float = 0.0  # probability of an elastic distortion [C]
    noise: float = 0.0  # probability of more speckle in the SAR, multiplicative, of deviation 0.3 [C]
    cloudy: float = 0.1  # share of clouds above which a patch is called cloudy, for the network that tells them
    max_cloud: float = 1.0  # share of a target under cloud above which it is left out [M]; 1: none is
    front_width: int = 5  # pixels; front lines are widened to this for training, unless prepare did so already [C]


@dataclass(frozen=True)
class ModelConfig:
    """The networks."""

    network: str = "pix2pix"  # pix2pix: generator and discriminator | unet: tells classes | vgg: tells clouds
    depth: int = 8  # halvings in the generator; a patch's side must be a multiple of 2**levels [I]
    generator_width: int = 64  # filters of the first layer; deeper ones have 2, 4, 8 and at most 8 times as many [I]
    generator_kernel: int = 4  # pixels [I]
    upsampling: str = "transposed"  # transposed convolutions [I] | resized: convolve, interpolate; no grids [O]
    dropout: float = 0.5  # share of values dropped: pix2pix's noise z [I], or at the bottom of the U-Net [C]
    dropout_blocks: int = 3  # of the decoder's 7, from the innermost, have dropout [I]; 7: plain areas do not repeat
    spade_width: int = 0  # filters through which the mask steers the decoder's norms, as in SPADE [S]; 0: it does not
    discriminator_width: int = 64  # filters of the first layer; the next have 2, 4 and 8 times as many [I]
    discriminator_strides: tuple[int, ...] = (2, 2, 2, 1, 1)  # 30x30 scores [I]; 2,2,2,2,1: 16x16
    discriminator_kernel: int = 4  # pixels [I]
    norm: str = "instance"  # instance: the papers' batch norm at batch 1, whatever the batch | batch | none
    unet_width: int = 32  # filters of the U-Net's first level; the next have 2, 4, 8 and 16 times as many [C]
    vgg_width: int = 16  # filters of the cloud network's first level; the next have 2, 4 and 8 times as many
    unet_rates: tuple[int, ...] = (1, 2, 4, 8)  # pixels between the taps of the atrous convolutions at its bottom [C]

    @property
    def width(self) -> int:
        """Filters of the first layer of the network that is exported."""
        return {"pix2pix": self.generator_width, "unet": self.unet_width, "vgg": self.vgg_width}[self.network]


@dataclass(frozen=True)
class LossConfig:
    """Weights of the parts of a loss. Generator: gan, l1, mse. Zones: cross_entropy, dice. Fronts: Dice by distance."""

    gan: float = 1.0
    l1: float = 100.0  # [I]
    mse: float = 0.0  # of the mean squared error, beside L1 [M]
    cross_entropy: float = 0.5  # [C]
    dice: float = 0.5  # [C]
    distance_dilation: int = 5  # pixels; side of the square by which a front is widened once more for its loss [C]
    distance_background: float = 0.1  # weight of pixels farther away than that [C: k]
    distance_relax: float = 1.0  # pixels; how fast the weight rises towards the front's middle [C]


@dataclass(frozen=True)
class TrainConfig:
    """The optimisation, and what is kept of it."""

    epochs: int = 210  # passes over the training patches [P]; with steps_per_epoch so many times these
    steps_per_epoch: int = 0  # steps after which an epoch ends (validation, log, export); 0: one pass over the patches
    batch_size: int = 1  # patches a step [I]
    learning_rate: float = 2e-4  # Adam [I]
    max_learning_rate: float = 0.0  # learning_rate rises to this and falls again, in a triangle [C]; 0: it is constant
    step_size_up: int = 30_000  # steps from learning_rate to max_learning_rate, and as many back [C]
    beta_1: float = 0.5  # Adam's first-moment decay; 0.9 makes GANs swing [I]
    discriminator_every: int = (
        1  # passes, whatever steps_per_epoch: 2 trains the discriminator in every other one only [M]
    )
    global_clipnorm: float = 0.0  # the gradient of all variables together is cut to this length [C]; 0: never
    monitor: str = "none"  # export the best epochs only, by a validation value; none: export by the calendar
    patience: int = 0  # epochs without a better one after which a training by monitor stops [C]; 0: never
    seed: int = 0  # of initial weights, order, jitter and dropout
    precision: str = "auto"  # float32 | mixed_bfloat16 | mixed_float16 | auto: by the device
    devices: int = 0  # GPUs of this machine, or of each worker's, that share a batch; 0: all, or one for a batch of 1
    deterministic: bool = False  # same bits at every run on one machine; costs speed on a GPU
    export_every: int = 10  # epochs between SavedModels; the last epoch is always exported
    checkpoint_minutes: float = 10.0  # at most this is lost to a power cut; exports and interruptions write one as well
    log_steps: int = 100  # steps between TensorBoard scalars; log.jsonl has one line an epoch
    validation_patches: int = 200  # validation patches scored after each epoch, evenly spread; evaluate.py scores all
    max_to_keep: int = 2  # the newest ones; the others are deleted
    samples: int = 6  # validation patches on each sample sheet, the same ones every time


@dataclass(frozen=True)
class Config:
    """One training, whole."""

    variant: str
    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    train: TrainConfig = field(default_factory=TrainConfig)


# What the two baselines of the CaFFe benchmark have in common [C].
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
    "train.validation_patches": "1000000",  # all validation patches: the best epoch is chosen by them
}

VARIANTS: dict[str, dict[str, str]] = {
    "orig": {},
    "gen5": {"model.generator_kernel": "5"},
    "dis3": {"model.discriminator_kernel": "3"},
    "l11gan100": {"loss.l1": "1", "loss.gan": "100"},
    "l150gan50": {"loss.l1": "50", "loss.gan": "50"},
    "spade": {"model.spade_width": "64"},
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

CONDITIONS = ("sensor", "season")  # what data.condition may name

CHOICES = {
    "data.mask": ("zones", "binary"),
    "model.network": ("pix2pix", "unet", "vgg"),
    "model.norm": ("instance", "batch", "none"),
    "model.upsampling": ("transposed", "resized"),
    "train.monitor": ("none", "val_iou", "val_loss"),
    "train.precision": ("auto", "float32", "mixed_bfloat16", "mixed_float16"),
}

# key: (least, greatest) value that makes sense, both allowed
BOUNDS = {
    "data.jitter": (1.0, 2.0),
    "data.flip": (0.0, 1.0),
    "data.rotate": (0.0, 1.0),
    "data.brighten": (0.0, 1.0),
    "data.elastic": (0.0, 1.0),
    "data.noise": (0.0, 1.0),
    "data.cloudy": (0.0, 1.0),
    "data.max_cloud": (0.0, 1.0),
    "data.condition_dropout": (0.0, 1.0),
    "data.front_width": (1, 99),
    "model.depth": (5, 8),
    "model.generator_width": (1, 1024),
    "model.generator_kernel": (2, 15),
    "model.spade_width": (0, 1024),
    "model.discriminator_width": (1, 1024),
    "model.discriminator_kernel": (2, 15),
    "model.dropout": (0.0, 0.95),
    "model.dropout_blocks": (0, 7),
    "model.unet_width": (1, 1024),
    "model.vgg_width": (1, 1024),
    "loss.gan": (0.0, 1e6),
    "loss.l1": (0.0, 1e6),
    "loss.mse": (0.0, 1e6),
    "loss.cross_entropy": (0.0, 1e6),
    "loss.dice": (0.0, 1e6),
    "loss.distance_dilation": (1, 99),
    "loss.distance_background": (0.0, 1.0),
    "loss.distance_relax": (1e-3, 1e3),
    "train.epochs": (1, 1_000_000),
    "train.steps_per_epoch": (0, 1_000_000_000),
    "train.batch_size": (1, 65_536),
    "train.learning_rate": (1e-12, 1.0),
    "train.max_learning_rate": (0.0, 1.0),
    "train.step_size_up": (1, 1_000_000_000),
    "train.discriminator_every": (1, 1_000_000),
    "train.global_clipnorm": (0.0, 1e6),
    "train.patience": (0, 1_000_000),
    "train.beta_1": (0.0, 0.9999),
    "train.seed": (0, 2**31 - 1),
    "train.devices": (0, 1024),
    "train.export_every": (1, 1_000_000),
    "train.checkpoint_minutes": (0.0, 1e6),
    "train.log_steps": (1, 1_000_000),
    "train.validation_patches": (1, 1_000_000),
    "train.max_to_keep": (1, 1_000),
    "train.samples": (1, 64),
}


# Names that options had before, in commands and in the config.json of runs made then.
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


def make_config(variant: str, overrides: Sequence[str] = ()) -> Config:
    """The configuration of a variant, changed by the user's overrides.

    Args:
      variant: a key of VARIANTS; the paper's spelling with a comma ("l11,gan100") works too.
      overrides: "section.option=value"; tuples are written with commas ("data.inputs=zones,elevation").

    Raises:
      UserError: unknown variant or option (with the nearest name), or a value that does not fit.
    """
    name = variant.replace(",", "")
    if name not in VARIANTS:
        raise did_you_mean("variant", variant, VARIANTS)
    values = dict(VARIANTS[name])
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals:
            raise UserError(f"--set takes KEY=VALUE, such as loss.l1=50, not {truncated_repr(override)}.")
        values[key.strip()] = value.strip()
    return _build({"variant": name} | values)


def to_dict(config: Config) -> dict:
    """The configuration as JSON has it: nested dictionaries, lists for tuples."""
    return {
        name: value
        if isinstance(value, str)
        else {key: list(v) if isinstance(v, tuple) else v for key, v in value.items()}
        for name, value in dataclasses.asdict(config).items()
    }


def from_dict(values: Mapping) -> Config:
    """The inverse of `to_dict`.

    Raises:
      UserError: an unknown key (with the nearest name), or a value that does not fit.
    """
    if not isinstance(values, Mapping):
        raise UserError(f"A configuration is an object of sections, not {truncated_repr(values)}.")
    flat = {}
    for name, value in values.items():
        section = value.items() if isinstance(value, Mapping) else ()
        flat.update({f"{name}.{key}": v for key, v in section} or {name: value})
    return _build(flat)


def differences(old: Config, new: Config) -> list[str]:
    """What differs between two configurations, one "key: old -> new" a line; empty when they are the same."""
    before, after = _flatten(old), _flatten(new)
    return [f"{key}: {truncate(before[key])} -> {truncate(after[key])}" for key in after if before[key] != after[key]]


def _flatten(config: Config) -> dict[str, object]:
    flat: dict[str, object] = {"variant": config.variant}
    for section in _sections():
        for option in dataclasses.fields(getattr(config, section)):
            flat[f"{section}.{option.name}"] = getattr(getattr(config, section), option.name)
    return flat


def _sections() -> dict[str, type]:
    hints = typing.get_type_hints(Config).items()
    return {name: kind for name, kind in hints if isinstance(kind, type) and dataclasses.is_dataclass(kind)}


def _build(values: Mapping[str, Any]) -> Config:
    """Dotted keys with text or JSON values -> a checked Config."""
    sections = _sections()
    kinds = {
        f"{s}.{key}": kind for s, section in sections.items() for key, kind in typing.get_type_hints(section).items()
    }
    chosen: dict[str, dict] = {section: {} for section in sections}
    for name, value in values.items():
        key = RENAMED.get(name, name)
        if key == "variant":
            continue
        if key not in kinds:
            raise did_you_mean("option", key, kinds)
        section, option = key.split(".")
        chosen[section][option] = _checked(key, _parsed(key, value, kinds[key]))
    config = Config(
        str(values.get("variant", "orig")), **{name: kind(**chosen[name]) for name, kind in sections.items()}
    )
    _check_together(config)
    return config


def _parsed(key: str, value: Any, kind: type) -> Any:
    try:
        if typing.get_origin(kind) is tuple:
            items = value.split(",") if isinstance(value, str) else list(value)
            return tuple(typing.get_args(kind)[0](item) for item in items if item != "")
        if kind is bool:
            return {"true": True, "false": False, "1": True, "0": False}[str(value).lower()]
        if kind is int and not isinstance(value, str) and value != int(value):
            raise ValueError
        return kind(value)
    except (ValueError, KeyError, TypeError, OverflowError):
        name = getattr(kind, "__name__", str(kind)) if typing.get_origin(kind) is None else "comma-separated list"
        raise UserError(f"{key} takes a value of type {name}, not {truncated_repr(value)}.") from None


def _checked(key: str, value: Any) -> Any:
    if key in CHOICES and value not in CHOICES[key]:
        raise did_you_mean(f"value for {key}", str(value), CHOICES[key])
    low, high = BOUNDS.get(key, (value, value))
    if not low <= value <= high:  # also refuses NaN, which no comparison holds for
        raise UserError(f"{key} takes a value from {low} to {high}, not {truncated_repr(value)}.")
    return value


def _check_together(config: Config) -> None:
    model = config.model
    if not config.data.inputs or (not config.data.targets and model.network != "vgg"):
        raise UserError("data.inputs and data.targets each need at least one role, such as zones and sar.")
    for key in config.data.condition:
        if key not in CONDITIONS:
            raise did_you_mean("data.condition", key, CONDITIONS)
    if config.data.condition and model.network != "pix2pix":
        raise UserError("data.condition is told to a generator; networks that tell classes see the image alone.")
    if model.network == "vgg" and config.data.targets:
        raise UserError("model.network=vgg tells clouds, whose share dataset.json knows: data.targets stays empty.")
    if model.network == "pix2pix" and {"zones", "fronts", "lines"} & set(config.data.targets):
        raise UserError("A GAN paints brightness, not classes; for these there are --variant zones and fronts.")
    if model.network == "unet" and config.data.targets not in (("zones",), ("fronts",)):
        raise UserError("model.network=unet tells classes: data.targets takes zones or fronts, one of them.")
    if model.network == "unet" and config.data.mask != "zones":
        raise UserError("data.mask=binary is for zones that are painted from; model.network=unet tells all four.")
    if not model.unet_rates or min(model.unet_rates) < 1:
        raise UserError("model.unet_rates takes whole numbers of pixels from 1, such as 1,2,4,8.")
    if config.data.front_width % 2 == 0 or config.loss.distance_dilation % 2 == 0:
        raise UserError("data.front_width and loss.distance_dilation take odd numbers, so that a line stays in place.")
    if config.train.monitor != "none" and model.network == "pix2pix":
        raise UserError("train.monitor is for networks that tell classes; what a GAN paints is judged by eye.")
    if config.train.patience and config.train.monitor == "none":
        raise UserError(
            "train.patience waits for a better train.monitor, which is none: set it, or leave patience at 0."
        )
    if config.train.monitor == "val_iou" and model.network != "unet":
        raise UserError("train.monitor=val_iou is for networks that tell zones or fronts; take val_loss.")
    if len(model.discriminator_strides) != 5 or not set(model.discriminator_strides) <= {1, 2}:
        raise UserError("model.discriminator_strides takes five numbers, each 1 or 2, such as 2,2,2,1,1.")
