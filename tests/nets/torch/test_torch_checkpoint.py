"""Weights pass between this engine and PyTorch, both ways, under the same names."""

import numpy as np
import pytest

import nets
from nets import models
from nets.checkpoint import load_weights, save_weights
from nets.errors import CheckpointError

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.torch")


def twin():
    """The convolutional network of `nets.models` as PyTorch writes it, with all its layers in the same places."""
    nn = torch.nn
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(8 * 36, 10),
    )


def ours():
    return models.build("conv", size=12, channels=[4, 8], depth=[1, 1])


@pytest.fixture
def x():
    return np.random.default_rng(0).random((5, 1, 12, 12), np.float32)


def outputs(theirs, x):
    with torch.no_grad():
        return theirs.eval()(torch.from_numpy(x)).numpy()


def test_weights_of_pytorch_give_the_same_outputs_here(x, tmp_path):
    theirs = twin()
    theirs(torch.from_numpy(x))  # moves the running means
    safetensors.save_file(theirs.state_dict(), tmp_path / "w.safetensors")
    model = ours()

    load_weights(model, tmp_path / "w.safetensors")

    np.testing.assert_allclose(model.eval()(x).numpy(), outputs(theirs, x), rtol=1e-4, atol=1e-5)


def test_weights_of_ours_give_the_same_outputs_there(x, tmp_path):
    nets.manual_seed(5)
    model, theirs = ours(), twin()
    model(x)
    save_weights(model, tmp_path / "w.safetensors")

    theirs.load_state_dict(safetensors.load_file(tmp_path / "w.safetensors"))

    np.testing.assert_allclose(outputs(theirs, x), model.eval()(x).numpy(), rtol=1e-4, atol=1e-5)


def test_half_precision_is_widened_and_bfloat16_refused(tmp_path):
    theirs, model = twin().half(), ours()
    safetensors.save_file(theirs.state_dict(), tmp_path / "half")
    safetensors.save_file(theirs.bfloat16().state_dict(), tmp_path / "bfloat16")

    load_weights(model, tmp_path / "half")

    assert model.state_dict()["0.weight"].dtype == np.float32
    with pytest.raises(CheckpointError, match="is of BF16, which NumPy does not have"):
        load_weights(model, tmp_path / "bfloat16")


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_of_torch_save_is_refused(zipped, tmp_path):
    torch.save(twin().state_dict(), tmp_path / "model.pt", _use_new_zipfile_serialization=zipped)

    with pytest.raises(CheckpointError, match=r"model\.pt is a pickle"):
        load_weights(ours(), tmp_path / "model.pt")
