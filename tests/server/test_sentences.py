"""Sentences: letters condense out of noise, as events and as files."""

import base64
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from generative.animate import COLOURS, png
from generative.image_model import load
from generative.writing.alphabet import Alphabet
from generative.writing.sentences import Style, write
from server import GameStore, ServerConfig, create_app
from server.workers.writing import changed
from tests.server.events import read_events
from tests.server.trained import save_run, writer

WORKING = {"text": "Hi, 2048", "seed": 3, "steps": 4}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs with a model of letters, which draws blots."""
    folder = tmp_path_factory.mktemp("runs")
    save_run(folder / "letters", writer(), data="glyphs")
    return folder


@pytest.fixture(scope="module")
def app(runs: Path) -> Iterator[Flask]:
    """One worker for all."""
    with GameStore(f"sqlite:///{runs}/games.sqlite") as store:
        app = create_app(ServerConfig(runs=runs, rate_limits=False), store=store)
        yield app
        app.extensions["workers"].close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def decoded(image: bytes) -> npt.NDArray[np.uint8]:
    return np.asarray(Image.open(BytesIO(image)).convert("RGB"))


def test_the_parts_of_a_stream_make_the_pictures_of_the_sentence(client: FlaskClient, runs: Path) -> None:
    events = read_events(client.get("/api/sentences", query_string=WORKING).data)

    style = Style(fps=20)
    frames = list(write("Hi, 2048", Alphabet(load(runs / "letters"), steps=4), seed=3, style=style))
    assert [name for name, _, _ in events] == ["start"] + ["frame"] * len(frames) + ["end"]
    size = events[0][2]
    assert (size["height"], size["width"]) == frames[0].pixels.shape
    sheet = np.zeros((*frames[0].pixels.shape, 3), np.uint8)
    for (_, _, part), frame in zip(events[1:-1], frames, strict=True):
        image = decoded(base64.b64decode(part["image"]))
        sheet[part["y"] : part["y"] + image.shape[0], part["x"] : part["x"] + image.shape[1]] = image
        np.testing.assert_array_equal(sheet, decoded(png(frame)))
        assert part["seconds"] == pytest.approx(frame.seconds)


def test_only_what_changes_is_sent() -> None:
    before = np.zeros((5, 6), np.uint8)
    now = before.copy()
    now[1, 2] = now[3, 4] = 9

    left, top, part = changed(before, now)

    assert (left, top, part.shape) == (2, 1, (3, 3))
    assert changed(now, now)[2].shape == (1, 1)
    assert changed(None, now)[2].shape == (5, 6)


@pytest.mark.parametrize(
    ("ending", "media_type", "kind", "is_moving"),
    [("gif", "image/gif", "GIF", True), ("png", "image/png", "PNG", False), ("apng", "image/apng", "PNG", True)],
)
def test_a_sentence_comes_as_a_file(
    client: FlaskClient, ending: str, media_type: str, kind: str, is_moving: bool
) -> None:
    response = client.get("/api/sentences/picture", query_string={**WORKING, "format": ending})

    assert response.content_type == media_type
    assert response.headers["Content-Disposition"].startswith("inline; filename=")
    image = Image.open(BytesIO(response.data))
    assert image.format == kind
    assert getattr(image, "is_animated", False) == is_moving


def test_same_query_same_file(client: FlaskClient) -> None:
    def file(**more: object) -> bytes:
        return client.get("/api/sentences/picture", query_string={**WORKING, "format": "png", **more}).data

    assert file() == file()
    assert file(seed=4) != file()
    assert file(guidance=3) != file()
    assert file(case="upper") != file()
    assert decoded(file(colours="night"))[0, 0].tolist() == list(COLOURS["night"].paper)


@pytest.mark.parametrize(("text", "told"), [("Hé", "'é' (U+00E9"), ("   ", "not a space")])
def test_what_cannot_be_drawn_is_named(client: FlaskClient, text: str, told: str) -> None:
    """In a file as a 422; in a stream, which has begun, as its last event."""
    picture = client.get("/api/sentences/picture", query_string={"text": text})
    ((name, _, data),) = read_events(client.get("/api/sentences", query_string={"text": text}).data)

    assert picture.status_code == 422
    assert told in picture.json["detail"]
    assert name == "problem"
    assert told in data["detail"]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("", "missing required field `text`"),
        ("?text=", "text: expected `str` of length >= 1"),
        (f"?text={'a' * 121}", "text: expected `str` of length <= 120"),
        ("?text=a&guidance=11", "guidance: expected `float` <= 10.0"),
        ("?text=a&steps=0", "steps: expected `int` >= 1"),
        ("?text=a&model=/etc/passwd", "unknown field `model`"),
    ],
)
def test_wrong_settings_are_refused_by_name(client: FlaskClient, query: str, told: str) -> None:
    for path in ("/api/sentences", "/api/sentences/picture"):
        response = client.get(path + query)

        assert response.status_code == 400
        assert told in response.json["detail"]


def test_where_no_model_is_the_command_is_told(tmp_path: Path, store: GameStore) -> None:
    client = create_app(ServerConfig(runs=tmp_path), store=store).test_client()

    response = client.get("/api/sentences?text=Hello")

    assert response.status_code == 404
    assert response.json["command"] == "game2048 generative train diffusion"
