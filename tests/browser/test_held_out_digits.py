"""Digits that nobody has learned from, read off the canvas of the drawing page."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page

from nets.data import Split, load_mnist
from nets.recipes import RECIPES, make_trainer
from server import GameStore, ServerConfig
from server.bundle import MEDIA_TYPE, pack
from tests.browser.conftest import running, wait_until_ready
from tests.server.trained import save_reader

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not os.environ.get("GAME2048_DATA"), reason="GAME2048_DATA does not name the folder of MNIST"),
]

N = 200

READ_ALL = """async (n) => {
    const nextFrame = () => new Promise(requestAnimationFrame);
    const read = [];
    for (let i = 0; i < n; i++) {
        document.getElementById('example').click();
        await nextFrame();
        await nextFrame();
        read.push(document.getElementById('answer').textContent);
    }
    return read;
}"""


@pytest.fixture(scope="module")
def data() -> Split:
    return load_mnist()


@pytest.fixture
def site(store: GameStore, data: Split, tmp_path: Path) -> Iterator[str]:
    """A server with a network that has learned from the training images for some seconds."""
    recipe = replace(RECIPES["mnist"]["mlp"], epochs=4)
    trainer = make_trainer(recipe, data.train, 0)
    trainer.fit(recipe.epochs)
    save_reader(tmp_path / "mnist", trainer.model.eval())
    with running(ServerConfig(runs=tmp_path, rate_limits=False), store) as address:
        yield address


def test_95_of_100_are_read_right(page: Page, data: Split) -> None:
    """200 test images, each put on the pad and prepared as any drawing."""
    images, labels = data.test.images[:N], data.test.labels[:N].astype(np.uint8)
    bundle = pack({"classes": list(data.test.classes), "source": "MNIST"}, {"images": images, "labels": labels})
    page.route("**/samples?*", lambda route: route.fulfill(body=bundle, content_type=MEDIA_TYPE))
    page.goto("/demos/draw")
    wait_until_ready(page)

    read = page.evaluate(READ_ALL, N)

    step = N // 10  # the page shows one of each tenth, then the next of each
    shown = [(i * step + i * step // N) % N for i in range(N)]
    right = sum(int(answer) == labels[index] for answer, index in zip(read, shown, strict=True))
    assert sorted(shown) == list(range(N))
    assert right >= 0.95 * N, f"{right} of {N} are right"
