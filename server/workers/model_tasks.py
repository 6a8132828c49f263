"""What the demos ask of a trained model: its weights for the page, or an answer from here.

See `server.workers.tasks` for what a task is.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from generative.autoencoders.coder import Coder
from nets import functional as F  # noqa: N812  # as everywhere in the field
from nets import no_grad
from nets.layers import Module
from server.bundle import pack
from server.workers.loading import load_model
from server.workers.networks import Steps

Ready = Callable[[], None]


def weights(arguments: dict[str, Any], ready: Ready) -> Iterator[bytes]:
    """Give the bundle of a network: what reads an image, or of an autoencoder what draws one.

    Arguments are ``model`` (`server.models.ModelFile.reference`) and ``header``, which goes into the bundle.
    """
    model = load_model(arguments["model"])
    ready()
    steps = decoder_steps(model) if isinstance(model, Coder) else classifier_steps(model)
    yield pack({**arguments["header"], "steps": steps.steps}, steps.arrays)


def predict(arguments: dict[str, Any], ready: Ready) -> Iterator[list[float]]:
    """Give the probability of each class for ``image``, bytes from 0 for paper to 255 for ink."""
    model = load_model(arguments["model"])
    ready()
    yield [float(p) for p in probabilities(model, np.frombuffer(arguments["image"], np.uint8))]


def classifier_steps(model: Module) -> Steps:
    """Return the steps from an image (1, size, size) to probabilities."""
    steps = Steps("network")
    steps.extend([model])
    steps.add("sigmoid" if _has_sigmoid_outputs(model) else "softmax")
    return steps


def decoder_steps(model: Coder) -> Steps:
    """Return the steps from a code (latent,) to an image (1, size, size)."""
    steps = Steps("decoder")
    steps.extend([model.decoder.features, model.decoder.images])
    steps.add("sigmoid", contrast=model.contrast)
    return steps


def probabilities(model: Module, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return what a network makes of an image, as `classifier_steps` does in the page."""
    side = math.isqrt(len(pixels))
    with no_grad():
        logits = model(pixels.reshape(1, 1, side, side).astype(np.float32) / np.float32(255))
        outputs = logits.sigmoid() if _has_sigmoid_outputs(model) else F.softmax(logits, 1)
    values: npt.NDArray[np.float32] = outputs.numpy()[0]
    return values


def _has_sigmoid_outputs(model: Module) -> bool:
    """Whether each output is a probability by itself, as in Nielsen's network."""
    return bool(getattr(model, "config", {}).get("model") == "nielsen")
