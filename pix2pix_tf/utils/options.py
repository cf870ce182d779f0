"""Options as fields of frozen dataclasses: type, default, bounds or choices, unit and reason stand in one place.

@dataclass(frozen=True)
class TrainConfig:
    batch_size: int = option(1, "examples in a batch", 1, 65_536)
"""

import dataclasses
import textwrap
import typing
from dataclasses import dataclass
from typing import Any

from pix2pix_tf.utils.errors import UserError, did_you_mean, truncated_repr


@dataclass(frozen=True)
class Option:
    """One option of a configuration; bounds and choices hold for each item of a tuple."""

    key: str  # "section.name"
    kind: Any  # bool, int, float, str, or a tuple of one of them
    default: Any
    reason: str
    low: float | None  # both bounds are allowed values
    high: float | None
    choices: tuple
    unit: str

    def convert(self, value: Any) -> Any:
        """Convert a text of the command line, or a value of JSON or YAML, to the option's type and check it.

        Raises:
          UserError: the value does not fit.
        """
        try:
            converted = _converted(value, self.kind)
        except (ValueError, KeyError, TypeError, OverflowError):
            text = truncated_repr(value)
            raise UserError(f"{self.key} takes a value of type {self.type_name}, not {text}.") from None
        for item in converted if isinstance(converted, tuple) else (converted,):
            self._check(item)
        return converted

    def _check(self, item: Any) -> None:
        if self.choices and item not in self.choices:
            raise did_you_mean(f"value for {self.key}", str(item), map(str, self.choices))
        if self.low is not None and self.high is not None and not self.low <= item <= self.high:  # refuses NaN as well
            raise UserError(f"{self.key} takes a value from {self.low} to {self.high}, not {truncated_repr(item)}.")

    @property
    def type_name(self) -> str:
        """Return the type for people, such as "int" or "comma-separated list"."""
        return self.kind.__name__ if typing.get_origin(self.kind) is None else "comma-separated list"

    @property
    def default_text(self) -> str:
        """Return the default as `--set` takes it."""
        if isinstance(self.default, tuple):
            return ",".join(map(str, self.default))
        if isinstance(self.default, bool):
            return str(self.default).lower()
        return f"{self.default:g}" if isinstance(self.default, float) else str(self.default)

    @property
    def allowed(self) -> str:
        """Return the allowed values for people: "a | b | c", or "1 to 99 pixels"."""
        if self.choices:
            return " | ".join(map(str, self.choices))
        if self.kind is bool:
            return "true | false"
        if self.low is None or self.high is None:
            return self.type_name
        return " ".join(filter(None, (f"{_number(self.low)} to {_number(self.high)}", self.unit)))


def option(
    default: Any,
    reason: str,
    low: float | None = None,
    high: float | None = None,
    *,
    choices: tuple = (),
    unit: str = "",
) -> Any:
    """Declare an option: a dataclass field that carries its description.

    Args:
      default: of the field's type.
      reason: what it does, for people, with the source in square brackets.
      low: least allowed value, of the option or of each item of a tuple; with `high`.
      high: greatest allowed value.
      choices: the allowed values, in place of bounds.
      unit: of the value, such as "pixels".
    """
    details = {"reason": reason, "low": low, "high": high, "choices": tuple(choices), "unit": unit}
    return dataclasses.field(default=default, metadata=details)


def options_of(section: str, holder: type) -> dict[str, Option]:
    """Return the options of a dataclass by key, in the order of its fields.

    Args:
      section: the first part of the keys.
      holder: a dataclass whose fields are made by `option`.
    """
    kinds = typing.get_type_hints(holder)
    return {
        f"{section}.{field.name}": Option(f"{section}.{field.name}", kinds[field.name], field.default, **field.metadata)
        for field in dataclasses.fields(holder)
    }


def describe(options: dict[str, Option], width: int = 118) -> list[str]:
    """Return lines of help on options: `key=default`, then the reason and the allowed values, wrapped."""
    lines = []
    indent = " " * 30
    for one in options.values():
        text = f"{one.reason} ({one.allowed})"
        head = f"  {one.key}={one.default_text}"
        if len(head) >= len(indent):
            lines.append(head)
            head = ""
        lines += textwrap.wrap(text, width, initial_indent=head.ljust(len(indent)), subsequent_indent=indent)
    return lines


def _converted(value: Any, kind: Any) -> Any:
    if typing.get_origin(kind) is tuple:
        items = value.split(",") if isinstance(value, str) else list(value)
        return tuple(typing.get_args(kind)[0](item) for item in items if item != "")
    if kind is bool:
        return {"true": True, "false": False, "1": True, "0": False}[str(value).lower()]
    if kind is int and not isinstance(value, str) and value != int(value):
        raise ValueError
    return kind(value)


def _number(value: float) -> str:
    return f"{int(value):,}" if value == int(value) else f"{value:g}"
