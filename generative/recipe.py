"""How to train an image model, as plain data: what the recipes hold, and what a run remembers in settings.json."""

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from numbers import Real
from pathlib import Path
from typing import Any, Final, Literal, Self

from generative.errors import ModelError, SettingError
from nets.files import write_json

SETTINGS_NAME: Final = "settings.json"
_Rule = tuple[Callable[[Any], bool], str]


def _at_least(least: int, words: str) -> _Rule:
    return lambda value: type(value) is int and value >= least, words


def _one_of(*names: str) -> _Rule:
    return lambda value: value in names, " or ".join([", ".join(names[:-1]), names[-1]])


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and not math.isnan(value)


_TEXT: Final[_Rule] = lambda value: isinstance(value, str), "a str"
_MAPPING: Final[_Rule] = (
    lambda value: isinstance(value, dict) and all(isinstance(name, str) for name in value),
    "a dict",
)
_RULES: Final[dict[str, _Rule]] = {
    **dict.fromkeys(("family", "name", "data", "model"), _TEXT),
    **dict.fromkeys(("settings", "objective"), _MAPPING),
    **dict.fromkeys(("steps", "steps_per_epoch", "batch_size"), _at_least(1, "a positive int")),
    "balanced": (lambda value: isinstance(value, bool), "a bool"),
    "optimizer": _one_of("sgd", "adam", "adamw"),
    "lr": (lambda value: _is_number(value) and 0 < value < math.inf, "positive and finite"),
    "betas": (
        lambda value: len(value) == 2 and all(_is_number(beta) and 0 <= beta < 1 for beta in value),
        "two numbers in [0, 1)",
    ),
    "weight_decay": (lambda value: _is_number(value) and 0 <= value < math.inf, "finite and not negative"),
    "schedule": _one_of("constant", "cosine"),
    "warmup": _at_least(0, "an int of at least 0"),
    "ema": (lambda value: value is None or (_is_number(value) and 0 <= value < 1), "None or a number in [0, 1)"),
    "max_grad_norm": (lambda value: _is_number(value) and value > 0, "positive"),
    "autoencoder": (lambda value: value is None or isinstance(value, Recipe), "None or a Recipe"),
}
"""What each setting of a `Recipe` must be; a damaged settings.json shall not get far."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How to train an image model."""

    family: str
    """What the command line calls it: ae, vae, diffusion, gan."""
    name: str
    """Which recipe of the family."""
    data: str
    """Name in `generative.datasets.DATASETS`."""
    model: str
    """Name in `nets.models.MODELS`."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Settings of the model beside ``size`` and ``classes``."""
    objective: dict[str, Any] = field(default_factory=dict)
    """Settings of the objective."""
    steps: int = 10_000
    """Steps of the optimiser."""
    steps_per_epoch: int = 500
    """After about so many steps there is a line in metrics.jsonl and a checkpoint."""
    batch_size: int = 128
    """Images a step."""
    balanced: bool = True
    """Whether all classes are equally frequent in the batches."""
    optimizer: Literal["sgd", "adam", "adamw"] = "adamw"
    """Rule."""
    lr: float = 1e-3
    """Highest learning rate."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Of Adam and AdamW."""
    weight_decay: float = 1e-4
    """Of the rule."""
    schedule: Literal["constant", "cosine"] = "cosine"
    """Whether the learning rate falls to 0."""
    warmup: int = 300
    """Steps in which it first rises, where the schedule is cosine; half of all steps at most."""
    ema: float | None = 0.999
    """Decay of the average of weights, which is what is saved in the end."""
    max_grad_norm: float = float("inf")
    """Longer gradients are scaled down to this length."""
    autoencoder: "Recipe | None" = None
    """Of a latent model: what is trained first, and gives the latent space."""

    def __post_init__(self) -> None:
        for name, (allowed, rule) in _RULES.items():
            if not allowed(value := getattr(self, name)):
                raise SettingError(f"{name} must be {rule}, got {value!r}")

    @property
    def epochs(self) -> int:
        """Epochs in all; the last step of a recipe ends one."""
        return max(1, round(self.steps / self.steps_per_epoch))

    @property
    def epoch_steps(self) -> int:
        """Steps of each epoch: about ``steps_per_epoch``, and in all epochs the fewest that are at least ``steps``."""
        return math.ceil(self.steps / self.epochs)

    def to_dict(self) -> dict[str, Any]:
        """Return all settings as values of JSON, which knows neither tuples nor infinity."""
        values: dict[str, Any] = json.loads(json.dumps(asdict(self)), parse_constant=lambda name: None)
        return values

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> Self:
        """Return the recipe of `to_dict`.

        Raises
        ------
        SettingError, TypeError, ValueError, KeyError
            If it is no such dictionary.
        """
        values = dict(saved)
        values["betas"] = tuple(values["betas"])
        limit = values["max_grad_norm"]
        values["max_grad_norm"] = float("inf") if limit is None else float(limit)
        if values["autoencoder"] is not None:
            values["autoencoder"] = cls.from_dict(values["autoencoder"])
        return cls(**values)


def write_settings(folder: Path, recipe: Recipe, seed: int) -> None:
    """Remember what a run does, for people and for `read_settings`."""
    write_json(folder / SETTINGS_NAME, {"seed": seed, "recipe": recipe.to_dict()})


def read_settings(folder: Path) -> tuple[Recipe, int]:
    """Return the recipe and the seed of a run.

    Raises
    ------
    ModelError
        If there is no run in the folder, or the file is damaged.
    """
    path = folder / SETTINGS_NAME
    if not path.is_file():
        raise ModelError(f"no run in {folder}: there is no {SETTINGS_NAME}")
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        return Recipe.from_dict(saved["recipe"]), int(saved["seed"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ModelError(f"{path} is damaged: {error!r}") from error
