"""Everything that can be written: letters and digits that models draw, and the rest with a pen.

Each character of a text has random numbers of its own, which depend on the seed and on its place only. So a change
later in a text leaves the letters before it as they are. (A model that computes them in another batch may round its
last bits otherwise, which is far below a level of grey.)
"""

import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from generative.errors import ModelError, TextError
from generative.image_model import ImageModel, Images, Labels
from generative.writing import strokes
from generative.writing.layout import CAPITAL, zone
from generative.writing.text import MARKS

BATCH: Final = 32
"""Characters that a model draws at a time: enough to be fast, few enough for the first ones to be there soon."""
N_STAGES: Final = 20
"""Images of a character on its way from noise."""
_INK: Final = 0.35


@runtime_checkable
class Denoises(Protocol):
    """A model that shows how an image comes out of noise."""

    def sample_steps(
        self,
        labels: npt.ArrayLike,
        *,
        generator: np.random.Generator,
        case: npt.ArrayLike | None = None,
        steps: int | None = None,
        guidance: float | None = None,
    ) -> Iterator[Images]:
        """Yield the images after each step, of shape (n, size, size); the last ones are those of ``sample``."""


@dataclass(frozen=True)
class Drawing:
    """A character, drawn, and what the layout must know of it."""

    stages: Images
    """ndarray of float32, shape (n_stages, size, size), the last one complete."""
    scale: float
    """Units of the layout a pixel."""
    box: tuple[float, float, float, float]
    """Left, top, right and bottom edge of the ink, in pixels."""
    bottom: float
    """How far the ink ends above the baseline, in units."""

    @property
    def width(self) -> float:
        """Of the ink, in units."""
        return (self.box[2] - self.box[0]) * self.scale

    def outlines(self, heights: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return where the ink begins and ends at some heights above the baseline, in units from its left edge.

        A pixel above and below counts too, so that neighbours do not interlock. Without ink inf and -inf.
        """
        image = self.stages[-1]
        inked = image > _INK * max(float(image.max()), 1e-6)
        inked[1:] |= inked[:-1].copy()
        inked[:-1] |= inked[1:].copy()
        rows = np.floor(self.box[3] - (heights - self.bottom) / self.scale).astype(int)
        there = (rows >= 0) & (rows < len(image))
        inked = inked[np.clip(rows, 0, len(image) - 1)] & there[:, None]
        first, last = inked.argmax(1), image.shape[1] - inked[:, ::-1].argmax(1)
        any_ink = inked.any(1)
        left = np.where(any_ink, (first - self.box[0]) * self.scale, np.inf)
        return left, np.where(any_ink, (last - self.box[0]) * self.scale, -np.inf)


class RowGenerator(np.random.Generator):
    """A generator of arrays whose first axis belongs to several generators: row i comes from the i-th one alone."""

    def __init__(self, generators: Sequence[np.random.Generator]) -> None:
        super().__init__(generators[0].bit_generator)
        self._rows = generators

    def standard_normal(self, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        """Draw from the normal distribution of mean 0 and variance 1."""
        return self._each("standard_normal", size, out, dtype=dtype)

    def random(self, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        """Draw from the uniform distribution in [0, 1)."""
        return self._each("random", size, out, dtype=dtype)

    def normal(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None) -> Any:
        """Draw from a normal distribution."""
        return loc + scale * self.standard_normal(size)

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
        """Draw from a uniform distribution."""
        return low + (high - low) * self.random(size)

    def integers(
        self, low: Any, high: Any = None, size: Any = None, dtype: Any = np.int64, endpoint: Any = False
    ) -> Any:
        """Draw whole numbers."""
        return self._each("integers", size, None, low=low, high=high, dtype=dtype, endpoint=endpoint)

    def _each(self, name: str, size: Any, out: Any, **arguments: Any) -> Any:
        if size is None and out is not None:
            size = out.shape
        shape = (size,) if isinstance(size, int | np.integer) else tuple(size or ())
        if shape[:1] != (len(self._rows),):  # belongs to no row: from the first row's generator
            drawn = getattr(self._rows[0], name)(size=size, **arguments)
        else:
            drawn = np.stack([getattr(row, name)(size=shape[1:], **arguments) for row in self._rows])
        if out is None:
            return drawn
        out[...] = drawn
        return out


class Alphabet:
    """What a model of letters, perhaps one of digits, and a pen can write.

    Parameters
    ----------
    letters : ImageModel
        Its classes are single characters; a lower-case letter is asked of the class of its capital, unless it has one
        of its own.
    digits : ImageModel, optional
        Asked for what ``letters`` does not have.
    steps, guidance : int and float, optional
        Of ``letters``, if they come out of noise: other than the model's own.

    Raises
    ------
    ModelError
        If a model cannot draw new images, as an autoencoder cannot.
    """

    def __init__(
        self,
        letters: ImageModel,
        digits: ImageModel | None = None,
        *,
        steps: int | None = None,
        guidance: float | None = None,
    ) -> None:
        self.models = (letters,) if digits is None else (letters, digits)
        for model in self.models:
            if not (model.draws or isinstance(model, Denoises)):
                raise ModelError(f"{type(model).__name__} can only reconstruct images, not draw new ones")
        given = {"steps": steps, "guidance": guidance}
        self._options: Any = {name: value for name, value in given.items() if value is not None}
        self._source: dict[str, tuple[int, int]] = {}
        for i, model in enumerate(self.models):
            classes = {name: label for label, name in enumerate(model.classes) if len(name) == 1}
            for name, label in classes.items():
                self._source.setdefault(name, (i, label))
                if name in string.ascii_uppercase and name.lower() not in classes:
                    self._source.setdefault(name.lower(), (i, label))

    @property
    def characters(self) -> frozenset[str]:
        """Everything but spaces and new lines."""
        return frozenset(self._source) | frozenset(string.digits + MARKS)

    def draw(self, text: str, seed: int, *, n_stages: int = N_STAGES) -> Iterator[Drawing]:
        """Draw the characters of a text, spaces left out, one after the other; models draw `BATCH` at a time.

        Parameters
        ----------
        text : str
            Of `characters`, spaces and new lines.
        seed : int
        n_stages : int
            Images a character; 1 for those that are complete.

        Raises
        ------
        TextError
            If a character is not one of `characters`.
        """
        drawn = "".join(text.split())
        if unknown := set(drawn) - self.characters:
            raise TextError(f"text must be of {''.join(sorted(self.characters))}, got {min(unknown)!r}")
        streams = [self._draw_by_model(i, drawn, seed, n_stages) for i in range(len(self.models))]
        for place, character in enumerate(drawn):
            if character in self._source:
                yield next(streams[self._source[character][0]])
            else:
                generator = _generator(seed, place)
                written = strokes.write(character, generator=generator, n_stages=n_stages)
                yield Drawing(written.stages, written.scale, ink_box(written.stages[-1]), written.bottom)

    def _draw_by_model(self, i: int, text: str, seed: int, n_stages: int) -> Iterator[Drawing]:
        """Draw the characters that one of the models is asked for."""
        places = [place for place, c in enumerate(text) if self._source.get(c, (-1, 0))[0] == i]
        for start in range(0, len(places), BATCH):
            chosen = places[start : start + BATCH]
            labels = np.array([self._source[text[place]][1] for place in chosen])
            case = np.array([1 * text[place].isupper() + 2 * text[place].islower() for place in chosen])
            generator = RowGenerator([_generator(seed, place) for place in chosen])
            stages = self._stages(i, labels, case, generator, n_stages)
            for row, place in enumerate(chosen):
                yield _place(text[place], stages[:, row])

    def _stages(self, i: int, labels: Labels, case: Labels, generator: np.random.Generator, n_stages: int) -> Images:
        """Return images on their way from a model, shape (n_stages, n, size, size)."""
        model = self.models[i]
        if not isinstance(model, Denoises):
            return _fade_in(model.sample(labels, generator=generator, case=case), n_stages)
        steps = list(model.sample_steps(labels, generator=generator, case=case, **(self._options if i == 0 else {})))
        kept = np.linspace(0, len(steps) - 1, n_stages) if n_stages > 1 else np.array([len(steps) - 1])
        return np.stack([steps[k] for k in np.rint(kept).astype(int)])


def _fade_in(images: Images, n_stages: int) -> Images:
    """Return images that come out of the paper: where a model draws in one step, there is no noise to show."""
    strength = np.linspace(0, 1, n_stages + 1)[1:] ** 1.5
    return (strength[:, None, None, None] * images).astype(np.float32)


def _generator(seed: int, place: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(place,)))


def _place(character: str, stages: Images) -> Drawing:
    """Return the drawing of a letter or digit, as high as such a character should be, or as wide as it may be."""
    box, room = ink_box(stages[-1]), zone(character)
    height, width = box[3] - box[1], box[2] - box[0]
    scale = min(room.height / height, room.width / width, 3 * CAPITAL / stages.shape[-1])
    # A letter that stays lower keeps the same share of it below the baseline.
    return Drawing(stages, scale, box, room.bottom * scale * height / room.height)


def ink_box(image: npt.NDArray[np.float32]) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom edge of the ink; of the image, where there is none."""
    inked = image > _INK * float(image.max())
    if not inked.any():
        return 0.0, 0.0, float(image.shape[1]), float(image.shape[0])
    columns, rows = np.flatnonzero(inked.any(0)), np.flatnonzero(inked.any(1))
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)
