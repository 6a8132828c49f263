"""Trained models: found by what they can do, and handed to pages."""

import json
import os
import shutil
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from nets.data import DIGITS, UPPERCASE
from server import ServerConfig
from server.bundle import Arrays, pack, unpack
from server.errors import ModelNotFoundError
from server.models import KINDS, Kind, Models
from server.runs import Runs
from tests.server.test_api import assert_problem
from tests.server.trained import coder, reader, save_all, save_reader, save_run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of runs."""
    return tmp_path / "runs"


@pytest.fixture
def models(folder: Path) -> Models:
    return Models(Runs(folder))


def names(models: Models, kind: Kind) -> list[str]:
    return [file.run for file in models.all(kind)]


# --- which there are ---


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_model_it_says_what_trains_one(models: Models, kind: Kind) -> None:
    with pytest.raises(ModelNotFoundError, match=r"there is no .* here yet") as error:
        models.find(kind)

    assert error.value.command.startswith(("game2048 nets ", "game2048 generative train "))


def test_models_are_known_by_what_they_do_and_not_by_where_they_are(models: Models, folder: Path) -> None:
    save_reader(folder / "a", reader(hidden=[2]))
    save_reader(folder / "b" / "inner", reader("conv", UPPERCASE, channels=[2], depth=[1]), UPPERCASE)
    save_run(folder / "c", coder("autoencoder"))
    save_run(folder / "d", coder("vae"))

    found = {kind: names(models, kind) for kind in KINDS}

    assert found == {"digits": ["a"], "letters": ["b/inner"], "autoencoder": ["c"], "vae": ["d"], "diffusion": []}


def test_the_best_reader_comes_first_and_of_equals_the_newest(models: Models, folder: Path) -> None:
    for name, accuracy, age in [("old", 0.9, 60), ("new", 0.9, 0), ("good", 0.99, 600), ("bad", 0.5, 0)]:
        save_reader(folder / name, reader(hidden=[2]), accuracy=accuracy, age=age)

    assert names(models, "digits") == ["good", "new", "old", "bad"]
    assert models.find("digits").run == "good"
    assert models.find("digits", "bad").accuracy == 0.5


def test_who_has_learned_from_handwriting_is_asked_first(models: Models, folder: Path) -> None:
    save_reader(folder / "printed", reader("mlp", UPPERCASE), UPPERCASE, accuracy=0.999, data="glyphs")
    save_reader(folder / "written", reader("mlp", UPPERCASE), UPPERCASE, accuracy=0.94, data="emnist")

    assert names(models, "letters") == ["written", "printed"]


def test_an_autoencoder_that_also_takes_noise_out_comes_last(models: Models, folder: Path) -> None:
    save_run(folder / "plain", coder("autoencoder"), age=60)
    save_run(folder / "denoising", coder("autoencoder", noise=0.5))

    assert names(models, "autoencoder") == ["plain", "denoising"]


def test_models_of_other_things_are_left_out(models: Models, folder: Path) -> None:
    save_run(folder / "letters", coder("vae", UPPERCASE))
    save_run(folder / "conditional", coder("vae", conditional=True))
    save_reader(folder / "three", reader("mlp", "012"), "012")

    assert {kind: names(models, kind) for kind in KINDS} == {kind: [] for kind in KINDS}


def test_a_run_that_is_not_there_or_of_another_kind_is_not_found(models: Models, folder: Path) -> None:
    save_reader(folder / "a", reader(hidden=[2]))

    for kind, run in [("digits", "b"), ("digits", "../runs/a"), ("letters", "a")]:
        with pytest.raises(ModelNotFoundError, match="has no network that reads"):
            models.find(kind, run)  # type: ignore[arg-type]  # parametrised


def damaged(data: bytes) -> list[bytes]:
    """Return files that are no models."""
    header = json.dumps({"__metadata__": {"nets": "[" * 100_000}}).encode()
    config = {"format": "nets model", "version": 99, "config": {"model": "mlp"}, "notes": {"classes": list(DIGITS)}}
    other = json.dumps({"__metadata__": {"nets": json.dumps(config)}}).encode()
    wrong_config = json.dumps({"__metadata__": {"nets": json.dumps(config | {"version": 1, "config": []})}}).encode()
    return [
        b"",
        b"x",
        data[:100],
        struct.pack("<Q", 2**62) + b"{}",
        *(struct.pack("<Q", len(text)) + text for text in (b"{}", b"[]", b"\xff", header, other, wrong_config)),
    ]


def test_a_damaged_file_is_no_model(models: Models, folder: Path) -> None:
    path = save_reader(folder / "a", reader(hidden=[2]))
    cases = damaged(path.read_bytes())

    for data in cases:
        path.write_bytes(data)
        assert names(models, "digits") == []


def test_links_lead_nowhere(models: Models, folder: Path, tmp_path: Path) -> None:
    path = save_reader(folder / "a", reader(hidden=[2]))
    shutil.move(path, tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")

    assert names(models, "digits") == []


def test_a_header_is_read_again_when_the_file_is_another(models: Models, folder: Path) -> None:
    path = save_reader(folder / "a", reader(hidden=[2]), accuracy=0.5)
    first = models.find("digits")
    shutil.rmtree(folder / "a")
    path = save_reader(folder / "a", reader(hidden=[2]), accuracy=0.625)
    os.utime(path, (first.updated_at + 5, first.updated_at + 5))

    second = models.find("digits")

    assert (first.accuracy, second.accuracy) == (0.5, 0.625)
    assert first.stamp != second.stamp


# --- over HTTP ---


@pytest.fixture
def config(folder: Path) -> ServerConfig:
    return ServerConfig(runs=folder)


@pytest.fixture
def no_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No data set is on this machine."""
    monkeypatch.setenv("GAME2048_DATA", str(tmp_path / "nothing"))


def test_the_list_tells_kinds_commands_and_models(client: FlaskClient, folder: Path) -> None:
    save_reader(folder / "a", reader(hidden=[2]), accuracy=0.75)

    kinds = client.get("/api/models").json["kinds"]  # type: ignore[index]

    assert [kind["kind"] for kind in kinds] == list(KINDS)
    (model,) = kinds[0]["models"]
    assert model.pop("version")
    assert model == {"run": "a", "model": "mlp", "classes": list(DIGITS), "accuracy": 0.75}
    assert kinds[1]["models"] == []
    assert kinds[1]["command"] == "game2048 nets emnist --model conv"


def test_what_is_missing_is_a_404_with_the_command_that_trains_it(client: FlaskClient) -> None:
    for address, command in {
        "/api/models/digits/weights": "game2048 nets mnist --model conv",
        "/api/models/vae/samples": "game2048 generative train vae",
    }.items():
        response = client.get(address)

        assert_problem(response, 404)
        assert response.json["command"] == command  # type: ignore[index]


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/api/models/nothing/weights", 404),
        ("/api/models/diffusion/weights", 404),
        ("/api/models/digits/weights?run=", 400),
        ("/api/models/digits/weights?path=/etc/passwd", 400),
        ("/api/models/digits/weights?run=a&run=b", 400),
    ],
)
def test_what_cannot_be_asked_for_is_refused(client: FlaskClient, folder: Path, address: str, status: int) -> None:
    save_reader(folder / "a", reader(hidden=[2]))

    assert_problem(client.get(address), status)


def test_an_answer_is_from_the_network_that_was_asked(client: FlaskClient, folder: Path, no_data: None) -> None:
    """One test for what workers do, as each takes a second to start."""
    save_all(folder)
    version = client.get("/api/models").json["kinds"][0]["models"][0]["version"]  # type: ignore[index]

    # Weights: a bundle that says whose they are, and may be kept for ever under its version.
    response = client.get("/api/models/digits/weights")
    header, arrays = unpack(response.data)
    assert (header["run"], header["model"], header["accuracy"]) == ("printed", "mlp", 0.9)
    assert arrays["network.0.weight"].shape == (32, 784)
    assert arrays["network.0.weight"].dtype == np.float16
    assert response.headers["Cache-Control"] == "no-cache"
    kept = client.get(f"/api/models/digits/weights?version={version}")
    assert "immutable" in kept.headers["Cache-Control"]
    assert (
        client.get("/api/models/digits/weights", headers={"If-None-Match": response.headers["ETag"]}).status_code == 304
    )

    # Samples: some of each class, generated as there is no data; of autoencoders with their codes.
    header, arrays = unpack(client.get("/api/models/digits/samples").data)
    assert header["source"] == "generated"
    assert np.bincount(arrays["labels"]).tolist() == [6] * 10
    assert arrays["images"].shape == (60, 28, 28)
    _, coded = unpack(client.get("/api/models/vae/samples").data)
    assert coded["codes"].shape == (400, 4)
    assert coded["axes"].shape == (2, 4)

    # The answer to an image.
    for image, label in zip(arrays["images"][::6], arrays["labels"][::6], strict=True):
        read = client.post("/api/models/digits/predict", json={"pixels": image.ravel().tolist()})
        assert sum(read.json["probabilities"]) == pytest.approx(1)  # type: ignore[index]
        assert int(np.argmax(read.json["probabilities"])) == label  # type: ignore[index]

    # A file that was damaged after it was found.
    path = folder / "conv" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    assert_problem(client.get("/api/models/digits/weights?run=conv"), 422)


@pytest.mark.parametrize(
    "body",
    [
        {"pixels": [0] * 783},
        {"pixels": [256] * 784},
        {"pixels": [0.5] * 784},
        {"pixels": None},
        {},
        {"pixels": [0] * 784, "x": 1},
    ],
)
def test_what_is_no_image_is_refused(client: FlaskClient, folder: Path, body: Any) -> None:
    save_reader(folder / "a", reader(hidden=[2]))

    assert_problem(client.post("/api/models/digits/predict", json=body), 400)


# --- bundles ---


def test_a_bundle_keeps_types_shapes_and_values() -> None:
    arrays: Arrays = {
        "half": np.arange(3, dtype=np.float16),
        "bytes": np.arange(5, dtype=np.uint8).reshape(1, 5),
        "single": np.linspace(0, 1, 6, dtype=np.float32).reshape(2, 3).T,
        "none": np.zeros((0, 4), np.float32),
    }

    header, read = unpack(pack({"a": [1, "ü"]}, arrays))

    assert header == {"a": [1, "ü"]}
    assert {name: array.dtype for name, array in read.items()} == {name: array.dtype for name, array in arrays.items()}
    for name, array in arrays.items():
        np.testing.assert_array_equal(read[name], array)


def test_arrays_begin_at_multiples_of_four_bytes() -> None:
    data = pack({"x": 1}, {"a": np.zeros(1, np.uint8), "b": np.ones(1, np.float32)})
    start = 4 + int.from_bytes(data[:4], "little")
    places = json.loads(data[4:start])["arrays"]

    assert start % 4 == 0
    assert [place["offset"] for place in places.values()] == [0, 4]
