"""A judge of four generated letters, and images of them, trained once for all tests."""

from functools import cache

import numpy as np

import nets
from generative.measures.judge import Judge
from nets import models
from nets.data import Split, glyphs
from nets.testing import overfits_one_batch

CHARACTERS = "ABCD"


@cache
def letters():
    """300 images a class to draw from, 60 a class to measure by."""
    return Split(
        glyphs(1200, generator=1, characters=CHARACTERS, size=16, blur=0),
        glyphs(240, generator=2, characters=CHARACTERS, size=16, blur=0),
    )


@cache
def judge_model():
    """A small network that reads them."""
    data = letters().train
    model = models.build("mlp", size=16, n_classes=4, hidden=[48, 24], generator=np.random.default_rng(3))
    images = nets.data.as_float(data.images)
    overfits_one_batch(model, nets.functional.cross_entropy, images, data.labels, steps=60, share=0.5)
    return model.eval()


def judge():
    return Judge(judge_model(), CHARACTERS, size=16, data="glyphs")
