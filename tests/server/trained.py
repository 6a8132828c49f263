"""Small models for the demos: a reader of digits that has learned in a second, and others that know nothing."""

import os
from pathlib import Path
from typing import Any

import numpy as np

import generative.recipes  # noqa: F401  # registers the image models
import nets
from nets.data import DIGITS, UPPERCASE, as_float, glyphs
from nets.layers import Module


def save_run(folder: Path, model: Module, *, age: float = 0.0, **notes: Any) -> Path:
    """Write a run that has ended with this model, so many seconds ago."""
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text("{}")
    path = folder / "model.safetensors"
    nets.save(model, path, notes=notes)
    written = path.stat().st_mtime - age
    os.utime(path, (written, written))
    return path


def reader(name: str = "mlp", classes: str = DIGITS, **settings: Any) -> Module:
    """Build a network that reads images, and has not learned to."""
    return nets.models.build(name, n_classes=len(classes), generator=np.random.default_rng(0), **settings).eval()


def save_reader(folder: Path, model: Module, classes: str = DIGITS, *, accuracy: float = 0.5, **more: Any) -> Path:
    """Write a run that has ended with a network that reads these classes."""
    test = {"loss": 1.0, "accuracy": accuracy}
    return save_run(folder, model, **{"data": "mnist", "classes": list(classes), "test": test, **more})


def schooled_reader() -> Module:
    """Build a network that has learned to read printed digits."""
    model = reader(hidden=[32]).train()
    data = glyphs(4000, generator=0, characters=DIGITS)
    images, labels = as_float(data.images), data.labels.astype(np.int64)
    optimizer = nets.optim.Adam(model.parameters(), lr=0.005)
    for step in range(240):
        part = slice(100 * (step % 40), 100 * (step % 40) + 100)
        loss = nets.functional.cross_entropy(model(images[part]), labels[part])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()


def coder(name: str, classes: str = DIGITS, **settings: Any) -> Module:
    """Build an autoencoder or a VAE that has learned nothing."""
    chosen: dict[str, Any] = {"latent": 4, "widths": [16], **settings}
    return nets.models.build(name, classes=list(classes), generator=np.random.default_rng(0), **chosen).eval()


def save_all(folder: Path) -> Path:
    """Write a run of every kind that the page can run, but for diffusion."""
    save_reader(folder / "printed", schooled_reader(), accuracy=0.9)
    save_reader(folder / "conv", with_statistics(reader("conv", channels=[4, 6], depth=[1, 2])))
    save_reader(folder / "letters", reader("mlp", UPPERCASE, hidden=[16]), UPPERCASE, data="glyphs")
    save_run(folder / "ae", coder("autoencoder"), data="mnist")
    save_run(folder / "vae", coder("vae", architecture="conv", widths=[4, 16]), data="mnist")
    return folder


def with_statistics(model: Module) -> Module:
    """Let the normalisations of a model see images, as training does."""
    model.train()
    rng = np.random.default_rng(1)
    for _ in range(3):
        model(rng.random((8, 1, 28, 28), np.float32))
    return model.eval()


def writer() -> Module:
    """Build a diffusion model of letters that has learned nothing: its letters are blots, another one for each."""
    autoencoder = coder("vae", UPPERCASE, widths=[8]).config  # type: ignore[attr-defined]  # built models have one
    model = nets.models.build(
        "latent-diffusion",
        classes=list(UPPERCASE),
        autoencoder=autoencoder,
        denoiser={"width": 16, "hidden": 16, "depth": 1, "condition": 8},
        steps=5,
    )
    rng = np.random.default_rng(0)  # a new denoiser begins with zeros, and hears no label
    learned = {name: parameter.shape for name, parameter in model.named_parameters()}
    state = {name: rng.normal(0, 0.5, shape).astype(np.float32) for name, shape in learned.items()}
    model.load_state_dict({**model.state_dict(), **state})
    return model.eval()
