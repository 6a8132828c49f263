"""What weights look like: a single layer learns to tell digits apart, and its weights are pictures."""

import string
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

import nets
from nets import functional as F  # noqa: N812  # as everywhere in the field
from server.workers.lessons.packing import looks, pack_units

N_IMAGES: Final = 2000
N_STEPS: Final = 300
N_LOOKS: Final = 40
BATCH: Final = 64
SIDE: Final = 28


def lesson(arguments: dict[str, Any], ready: Callable[[], None]) -> Iterator[list[Any]]:
    """Learn generated digits with learning rate ``lr``, ``weight_decay`` and ``seed``.

    Frames hold: step, loss, ``accuracy`` on digits that are not learned from, and ``images``, the weights of each class
    (int8, the largest of all as 127).
    """
    images, labels = _digits()
    ready()
    held_out = slice(0, N_IMAGES // 5)
    x, y = images[N_IMAGES // 5 :], labels[N_IMAGES // 5 :]
    nets.manual_seed(arguments["seed"])
    layer = nets.Linear(SIDE * SIDE, len(string.digits))
    optimizer = nets.optim.AdamW(layer.parameters(), lr=arguments["lr"], weight_decay=arguments["weight_decay"])
    random = np.random.default_rng(arguments["seed"])
    yield ["start", {"classes": list(string.digits), "side": SIDE, "n_steps": N_STEPS}]
    wanted = set(looks(N_STEPS, N_LOOKS))
    for step in range(N_STEPS + 1):
        batch = random.integers(len(x), size=BATCH)
        loss = F.cross_entropy(layer(x[batch]), y[batch])
        if step in wanted:
            weights = layer.weight.numpy()  # (10, 784)
            right = layer(images[held_out]).numpy().argmax(1) == labels[held_out]
            yield [
                "frame",
                {
                    "step": step,
                    "loss": loss.item(),
                    "accuracy": round(float(right.mean()), 4),
                    "images": pack_units(weights / max(float(np.abs(weights).max()), 1e-9)),
                },
            ]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@lru_cache(1)
def _digits() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Return images, shape (n, 784), and what they show."""
    drawn = nets.data.glyphs(N_IMAGES, generator=0, characters=string.digits)
    return (drawn.images.reshape(N_IMAGES, -1) / 255).astype(np.float32), drawn.labels.astype(np.int64)
