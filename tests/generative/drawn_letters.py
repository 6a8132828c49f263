"""A stand-in for a trained model of letters: generated glyphs, which come out of noise in a straight line."""

import numpy as np

from generative.image_model import ImageModel, check_labels
from nets.data import DIGITS, LOWERCASE, UPPERCASE, glyphs


class DrawnLetters(ImageModel):
    """Draws its classes in several faces."""

    def __init__(self, classes=UPPERCASE, n_each=8):
        self.classes, self.size = tuple(classes), 28
        characters = "".join(classes) + ("" if set(classes) <= set(DIGITS) else LOWERCASE)
        drawn = glyphs(len(characters) * n_each, generator=7, characters=characters)
        order = np.argsort(drawn.labels, kind="stable")
        shape = (len(characters), n_each, 28, 28)
        self.images = (drawn.images[order].reshape(shape) / 255).astype(np.float32)
        self.calls = []

    def sample(self, labels, *, generator, case=None):
        *_, last = self.sample_steps(labels, generator=generator, case=case, steps=1)
        return last

    def _chosen(self, labels, case, generator):
        labels = check_labels(labels, len(self.classes))
        self.calls.append(len(labels))
        lower = np.zeros(len(labels), bool) if case is None else np.asarray(case) == 2
        rows = np.where(lower & (len(self.images) > len(self.classes)), labels + len(self.classes), labels)
        which = (generator.random(len(labels)) * self.images.shape[1]).astype(int)
        return self.images[rows, which]


class DenoisedLetters(DrawnLetters):
    """The same, one step after the other."""

    def sample_steps(self, labels, *, generator, case=None, steps=None, guidance=None):
        images = self._chosen(labels, case, generator)
        noise = generator.standard_normal(images.shape, np.float32)
        for t in np.linspace(1, 0, steps or 25, dtype=np.float32):
            yield np.clip((1 - t) * images + t * (0.3 + 0.4 * noise), 0, 1)


class SuddenLetters(DrawnLetters):
    """The same, for which there are no steps."""

    def sample(self, labels, *, generator, case=None):
        return self._chosen(labels, case, generator)
