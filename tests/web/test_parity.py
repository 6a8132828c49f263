"""Networks answer in the page as they do in Python."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from generative.autoencoders.coder import Coder
from nets.data import glyphs
from nets.layers import Module
from server.bundle import pack
from server.workers.model_tasks import classifier_steps, decoder_steps, probabilities
from server.workers.networks import Steps
from server.workers.tasks import TaskError
from tests.needs import missing
from tests.server.trained import coder, reader, schooled_reader, with_statistics

Array = npt.NDArray[np.float32]

READERS: dict[str, Any] = {
    "mlp": lambda: reader(hidden=[30, 20], dropout=0.2),
    "schooled mlp": schooled_reader,
    "nielsen": lambda: reader("nielsen", hidden=[12]),
    "conv": lambda: with_statistics(reader("conv", channels=[4, 6, 8], depth=[1, 2, 1])),
    "conv with embedding": lambda: with_statistics(reader("conv", channels=[3, 5], depth=[2, 1], embedding=9)),
}
CODERS: dict[str, Any] = {
    "dense autoencoder": lambda: coder("autoencoder", latent=7, widths=[30, 20]),
    "dense vae": lambda: coder("vae", contrast=1.15),
    "convolutional vae": lambda: coder("vae", architecture="conv", widths=[6, 5, 20]),
}


def rounded(model: Module) -> Module:
    """Round the weights of a model as the page gets them."""
    model.load_state_dict(
        {
            name: array.astype(np.float16).astype(np.float32) if array.ndim > 1 else array
            for name, array in model.state_dict().items()
        }
    )
    return model


def answers_of_page(steps: Steps, inputs: Array, folder: Path) -> Array:
    """Return what JavaScript makes of some inputs."""
    if (node := shutil.which("node")) is None:
        missing("node is not installed")
    (folder / "bundle").write_bytes(pack({"steps": steps.steps}, steps.arrays))
    (folder / "inputs").write_bytes(inputs.tobytes())
    shape = ",".join(map(str, inputs.shape[1:]))
    script = Path(__file__).with_name("answers.mjs")
    subprocess.run([node, script, folder / "bundle", folder / "inputs", shape, folder / "outputs"], check=True)
    return np.frombuffer((folder / "outputs").read_bytes(), np.float32).reshape(len(inputs), -1)


def readings(model: Module, images: npt.NDArray[np.uint8]) -> Array:
    return np.stack([probabilities(model, image.ravel()) for image in images])


@pytest.mark.parametrize("name", READERS)
def test_a_reader_gives_the_same_probabilities(name: str, tmp_path: Path) -> None:
    model = READERS[name]()
    images = glyphs(12, generator=3, characters="0123456789").images
    exact = readings(model, images)
    inputs = (images[:, None] / np.float32(255)).astype(np.float32)

    page = answers_of_page(classifier_steps(rounded(model)), inputs, tmp_path)

    np.testing.assert_allclose(page, readings(model, images), rtol=0, atol=1e-5)
    np.testing.assert_allclose(page, exact, rtol=0, atol=5e-3)  # what rounding the weights changes
    assert np.ptp(exact, axis=0).max() > 1e-3, "the network should tell the images apart"


@pytest.mark.parametrize("name", CODERS)
def test_a_decoder_draws_the_same_pixels(name: str, tmp_path: Path) -> None:
    model = rounded(CODERS[name]())
    assert isinstance(model, Coder)
    codes = np.random.default_rng(5).standard_normal((9, model.latent), np.float32)

    page = answers_of_page(decoder_steps(model), codes, tmp_path)

    np.testing.assert_allclose(page, model.draw(codes).reshape(9, -1), rtol=0, atol=1e-5)
    assert np.ptp(page, axis=0).max() > 1e-2, "the decoder should draw different things"


def test_what_the_page_cannot_run_is_refused_by_name() -> None:
    import nets

    for layer, words in [
        (nets.LayerNorm(4), "LayerNorm"),
        (nets.Conv2d(2, 2, 3, groups=2), "groups"),
        (nets.Conv2d(1, 1, (3, 2), stride=(1, 2)), "square"),
        (nets.ConvTranspose2d(1, 1, 3, output_padding=1, stride=2), "output padding"),
        (nets.MaxPool2d(3, 2), "overlap"),
        (nets.Linear(2, 2, activation="tanh"), "tanh"),
    ]:
        with pytest.raises(TaskError, match=words):
            Steps("x").extend([layer])
