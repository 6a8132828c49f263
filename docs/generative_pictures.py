"""Make the pictures of docs/generative.md from trained models: ``python docs/generative_pictures.py runs``.

Needs the development tools (``make test`` installs them), MNIST and EMNIST in ``GAME2048_DATA``, and in the folder that
is given: ``diffusion`` (letters), ``pixels``, ``ae``, ``vae``, ``gan``, ``gan-collapse``, ``gan-unconditional``,
``gan-vanishing`` and ``judge-mnist``, as docs/generative.md trains them. Parts without their models are left out.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from generative.animate import Frame, moving, save
from generative.autoencoders.coder import Coder
from generative.autoencoders.descent import compare_optimizers, plot_descent
from generative.autoencoders.interpolation import choose_pairs, interpolate, side_by_side
from generative.autoencoders.paths import compare_paths, plot_paths
from generative.datasets import load_dataset
from generative.diffusion import schedules
from generative.diffusion.latent_diffusion import LatentDiffusion
from generative.diffusion.toys import mean_distance, scatter, train_points
from generative.errors import GenerativeError
from generative.gan.figures import load_run, plot_failures
from generative.image_model import load
from generative.measures.plots import new_figure
from generative.pictures import class_sheet, decode_noisy, denoising_strip, grid, noising_strip, write_image
from generative.writing.alphabet import Alphabet
from generative.writing.sentences import Style, write
from nets import checkpoint
from nets.data import moons, spirals
from nets.errors import NetsError

IMAGES: Final = Path(__file__).parent / "images"


def letters(runs: Path) -> None:
    """Draw a sentence, a sheet, and how letters come out of noise."""
    model = load(runs / "diffusion")
    assert isinstance(model, LatentDiffusion)
    alphabet = Alphabet(model, None)
    save(write("HELLO WORLD", alphabet, seed=0, style=Style(scale=2, fps=15)), IMAGES / "hello.gif", fps=15)
    labels = np.repeat(np.arange(26), 16)
    images = model.sample(labels, generator=np.random.default_rng(1))
    write_image(class_sheet(images, labels, model.classes), IMAGES / "letters.png")
    steps = model.sample_steps([0, 6, 12, 17], generator=np.random.default_rng(2))
    write_image(denoising_strip(steps), IMAGES / "denoising.png")


def digits(runs: Path) -> None:
    """Draw digits that were learned in the space of pixels, and digits on their way to noise."""
    model, test = load(runs / "pixels"), load_dataset("mnist").test
    labels = np.repeat(np.arange(10), 16)
    images = model.sample(labels, generator=np.random.default_rng(1))
    write_image(class_sheet(images, labels, model.classes), IMAGES / "digits.png")
    real = test.images[:3].astype(np.float32) / 255
    times = np.linspace(0, 1, 12).tolist()
    strip = noising_strip(real, schedules.get("cosine"), times, generator=np.random.default_rng(0))
    write_image(strip, IMAGES / "noising.png")


def points(runs: Path) -> None:
    """Animate moons and spirals as they come out of noise."""
    frames, found = [], {}
    for name, data in (("moons", moons(4000, generator=0)), ("spirals", spirals(4000, generator=0))):
        fresh = (moons if name == "moons" else spirals)(2000, generator=1).points
        model = train_points(data.points, seed=0)
        states = list(model.denoise(2000, generator=np.random.default_rng(1), steps=30))
        centre, extent = data.points.mean(0), 1.3 * np.abs(data.points - data.points.mean(0)).max()
        frames.append([scatter(state.x, size=200, extent=extent, centre=centre) for state in states])
        found[name] = {
            "samples": mean_distance(states[-1].x, data.points),
            "real": mean_distance(fresh, data.points),
        }
    joined = [np.concatenate(pair, axis=1) for pair in zip(*frames, strict=True)]
    timed = [Frame(frame, 2.0 if i == len(joined) - 1 else 0.06) for i, frame in enumerate(joined)]
    save(timed, IMAGES / "points.gif")
    (IMAGES / "points.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def paths(runs: Path) -> None:
    """Animate the way from a 2 to a 7, measure 200 of them, and decode noisy codes."""
    models = {name: load(runs / name) for name in ("ae", "vae")}
    coders = {name: model for name, model in models.items() if isinstance(model, Coder)}
    test = load_dataset("mnist").test
    starts, ends = choose_pairs(test, "2", "7", 1, 3)
    ways = [interpolate(coder, starts, ends)[0] for coder in coders.values()]
    save(moving(side_by_side(ways, scale=5)), IMAGES / "path.gif")
    measured = compare_paths(coders, test, checkpoint.load(runs / "judge-mnist"))
    figure = new_figure(9, 3.2)
    plot_paths(figure.subplots(1, 2), measured)
    figure.savefig(IMAGES / "paths.png", dpi=80)
    numbers = {name: figures.as_dict() for name, figures in measured.items()}
    (IMAGES / "paths.json").write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    real, sigmas = test.images[:6].astype(np.float32) / 255, [0, 0.25, 0.5, 1, 1.5, 2]
    noisy = [decode_noisy(coder, real, sigmas, generator=np.random.default_rng(0)) for coder in coders.values()]
    rows = [f"{name} {i + 1}" for name in coders for i in range(len(real))]
    write_image(grid(np.concatenate(noisy), rows=rows, columns=[f"{s:g}" for s in sigmas]), IMAGES / "noisy-codes.png")


def descent(runs: Path) -> None:
    """Plot Adam against plain SGD on the VAE."""
    comparison = compare_optimizers(load_dataset("mnist").train)
    figure = new_figure(7, 4)
    plot_descent(figure.subplots(), comparison)
    figure.savefig(IMAGES / "descent.png", dpi=80)
    numbers = {**comparison.as_dict(), "ratio_at_1e-3": comparison.ratio_at(1e-3)}
    (IMAGES / "descent.json").write_text(json.dumps(numbers) + "\n", encoding="utf-8")


def gan(runs: Path) -> None:
    """Show a healthy GAN beside two that fail."""
    classifier = checkpoint.load(runs / "judge-mnist")
    titles = {
        "gan-collapse": "mode collapse",
        "gan-vanishing": "the discriminator wins",
        "gan-unconditional": "told no classes: no 1",
        "gan": "healthy",
    }
    figure = plot_failures([load_run(title, runs / name, classifier) for name, title in titles.items()], "0123456789")
    figure.savefig(IMAGES / "gan.png", dpi=70)


PARTS: Final[dict[str, Callable[[Path], None]]] = {
    "letters": letters,
    "digits": digits,
    "points": points,
    "paths": paths,
    "descent": descent,
    "gan": gan,
}


def main(folder: str, *names: str) -> None:
    """Make all pictures, or only some parts."""
    for name in names or PARTS:
        try:
            PARTS[name](Path(folder))
            print(f"{name}: made")
        except (GenerativeError, NetsError) as error:
            print(f"{name}: left out: {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
