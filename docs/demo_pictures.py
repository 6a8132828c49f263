"""Make the pictures of the page of demos from trained models: ``python docs/demo_pictures.py runs``.

Needs MNIST in ``GAME2048_DATA``, and below the folder that is given a network that reads digits, a VAE of digits and a
diffusion model of letters, as the page of demos says how to train them.
"""

import sys
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

import nets
from generative.autoencoders.coder import Coder
from generative.diffusion.latent_diffusion import LatentDiffusion
from generative.image_model import load
from generative.writing.alphabet import Alphabet
from generative.writing.sentences import Style, write
from nets import checkpoint
from nets.data import as_float, load_mnist
from server.models import Models
from server.runs import Runs
from server.workers.samples import choose, fisher_plane

IMAGES: Final = Path(__file__).parents[1] / "web" / "static" / "images"
HEIGHT, WIDTH = 252, 448
BLUE, ORANGE = np.array([120, 190, 255]), np.array([255, 140, 90])  # as in web/static/js/pictures.js

Picture = npt.NDArray[np.float32]
"""Ink from 0 to 1, shape (height, width), or with the three colours as last axis."""


def draw(models: Models) -> Picture:
    """Show a digit, and what the first layer of a network finds in it."""
    model = checkpoint.load(models.find("digits").path)
    assert isinstance(model, nets.Sequential)
    data = load_mnist().test
    image = as_float(data.images[np.flatnonzero(data.labels == 2)[1]][None])
    with nets.no_grad():
        maps = nets.Sequential(*list(model)[:3])(image).numpy()[0]  # convolution, normalisation, rectifier
    picture = np.zeros((HEIGHT, WIDTH), np.float32)
    picture[14:238, 14:238] = image[0, 0].repeat(8, 0).repeat(8, 1)
    for i, found in enumerate(maps[:9]):
        top, left = 14 + 84 * (i // 3), 250 + 64 * (i % 3)
        picture[top : top + 56, left : left + 56] = (found / found.max()).repeat(2, 0).repeat(2, 1)
    return picture


def latent(models: Models) -> Picture:
    """Show what a VAE draws all over a plane of its latent space."""
    model = load(models.find("vae").path)
    assert isinstance(model, Coder)
    _, images, labels = choose("mnist", tuple("0123456789"), 40)
    codes = model.code(as_float(images))
    places = codes @ fisher_plane(codes, labels).T
    low, high = places.min(0), places.max(0)
    rows, columns = HEIGHT // 28, WIDTH // 28
    up, across = np.mgrid[rows:0:-1, 0:columns]
    wanted = np.stack([(across + 0.5) / columns, (up - 0.5) / rows], -1).reshape(-1, 1, 2)
    nearness = np.exp(-((wanted - (places - low) / (high - low)) ** 2).sum(-1) / (2 * 0.03**2))
    drawn = model.draw((nearness / nearness.sum(1, keepdims=True)) @ codes)
    return drawn.reshape(rows, columns, 28, 28).transpose(0, 2, 1, 3).reshape(rows * 28, columns * 28)


def writing(models: Models) -> Picture:
    """Show a sentence half way out of the noise."""
    model = load(models.find("diffusion").path)
    assert isinstance(model, LatentDiffusion)
    frames = write("LETTERS OUT OF NOISE", Alphabet(model, None), style=Style(columns=8, scale=2, seconds=4))
    sheet = next(islice(frames, 40, None)).pixels / np.float32(255)
    picture = np.zeros((HEIGHT, WIDTH), np.float32)
    top, left = (HEIGHT - sheet.shape[0]) // 2, (WIDTH - sheet.shape[1]) // 2
    picture[max(top, 0) : max(top, 0) + sheet.shape[0], left : left + sheet.shape[1]] = sheet[:HEIGHT]
    return picture


def learning() -> Picture:
    """Show how a small network learns exclusive or: what it says all over the plane, at three moments."""
    points = nets.data.xor()
    nets.manual_seed(3)
    model = nets.Sequential(nets.Linear(2, 8, activation="tanh"), nets.Linear(8, 1, activation="sigmoid"))
    optimizer = nets.optim.Adam(model.parameters(), lr=0.05)
    side = 140
    y, x = np.mgrid[1.4 : -0.4 : side * 1j, -0.4 : 1.4 : side * 1j].astype(np.float32)
    picture = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    for step in range(161):
        if step in (0, 30, 160):
            with nets.no_grad():
                value = 2 * model(np.stack([x, y], -1).reshape(-1, 2)).numpy().reshape(side, side, 1) - 1
            left = 7 + 147 * (0, 30, 160).index(step)
            colours = np.where(value > 0, BLUE, ORANGE) / 255 * np.abs(value)
            for px, py in points.points:
                dot = np.hypot(x - px, y - py) < 0.055
                colours[dot] = 1
            picture[56 : 56 + side, left : left + side] = colours
        loss = nets.functional.mse_loss(model(points.points), points.labels[:, None].astype(np.float32))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return picture


def main(runs: str) -> None:
    """Write the pictures."""
    models = Models(Runs(Path(runs)))
    IMAGES.mkdir(exist_ok=True)
    pictures = {"draw": draw(models), "latent": latent(models), "write": writing(models), "learn": learning()}
    for name, picture in pictures.items():
        pixels = np.rint(255 * np.clip(picture, 0, 1)).astype(np.uint8)
        path = IMAGES / f"demo-{name}.png"
        Image.fromarray(pixels).quantize(64).save(path, optimize=True)
        print(f"{path.name}: {path.stat().st_size:,} bytes, {pixels.shape[1]} x {pixels.shape[0]}")


if __name__ == "__main__":
    main(sys.argv[1])
