"""Data: published and generated data sets, batches, and random variations.

Importing this loads neither kernels nor the drawing of letters nor the means to download; a name is looked up in its
module when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from nets.data.augment import Compose, GaussianNoise, Transform
    from nets.data.dataset import Dataset, Labelled, LabelledImages, LabelledPoints, Split, as_float
    from nets.data.distortion import ElasticDistortion, RandomAffine
    from nets.data.generated import DIGITS, LOWERCASE, UPPERCASE, glyphs
    from nets.data.idx import read_idx, write_idx
    from nets.data.loader import DataLoader
    from nets.data.published import load_emnist_letters, load_mnist
    from nets.data.toys import iris, moons, spirals, xor

__all__ = [
    "DIGITS",
    "LOWERCASE",
    "UPPERCASE",
    "Compose",
    "DataLoader",
    "Dataset",
    "ElasticDistortion",
    "GaussianNoise",
    "Labelled",
    "LabelledImages",
    "LabelledPoints",
    "RandomAffine",
    "Split",
    "Transform",
    "as_float",
    "glyphs",
    "iris",
    "load_emnist_letters",
    "load_mnist",
    "moons",
    "read_idx",
    "spirals",
    "write_idx",
    "xor",
]

_HOMES: Final = {
    "augment": ("Compose", "GaussianNoise", "Transform"),
    "dataset": ("Dataset", "Labelled", "LabelledImages", "LabelledPoints", "Split", "as_float"),
    "distortion": ("ElasticDistortion", "RandomAffine"),
    "generated": ("DIGITS", "LOWERCASE", "UPPERCASE", "glyphs"),
    "idx": ("read_idx", "write_idx"),
    "loader": ("DataLoader",),
    "published": ("load_emnist_letters", "load_mnist"),
    "toys": ("iris", "moons", "spirals", "xor"),
}
_MODULE_OF: Final = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value
