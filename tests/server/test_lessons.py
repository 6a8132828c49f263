"""Lessons: our engine learns something small, and tells it while it does."""

import zlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from flask import Flask
from flask.testing import FlaskClient

from agents.ntuple_search import ntuple_leaves
from agents.td import TDLearner
from game2048.board import pack
from server import GameStore, ServerConfig, create_app
from server.lessons_api import AdamQuery, BackpropagationQuery, DiffusionQuery, TDQuery, WeightsQuery
from server.workers.lessons import adam, backpropagation, diffusion, td, weights
from server.workers.lessons.packing import UNIT
from tests.server.events import read_events

Frame = dict[str, Any]


Lesson = Callable[..., Iterator[list[Any]]]


def hold(lesson: Lesson, query: msgspec.Struct) -> tuple[Frame, list[Frame]]:
    """Hold a lesson; return what stays, and the frames."""
    told = list(lesson(msgspec.structs.asdict(query), lambda: None))
    assert [name for name, _ in told] == ["start"] + ["frame"] * (len(told) - 1)
    return told[0][1], [frame for _, frame in told[1:]]


HELD: dict[tuple[Lesson, bytes], tuple[Frame, list[Frame]]] = {}


def held(lesson: Lesson, query: msgspec.Struct) -> tuple[Frame, list[Frame]]:
    """Hold a lesson, unless it was held before."""
    key = lesson, msgspec.json.encode(query)
    if key not in HELD:
        HELD[key] = hold(lesson, query)
    return HELD[key]


def unpacked(data: bytes, kind: str, *shape: int) -> npt.NDArray[Any]:
    return np.frombuffer(zlib.decompress(data), kind).reshape(shape)


# --- backpropagation ---


@pytest.mark.parametrize("data", ["xor", "moons"])
def test_backpropagation_tells_all_points_apart_in_the_end(data: str) -> None:
    start, frames = held(backpropagation.lesson, BackpropagationQuery(data=data))

    labels = np.array(start["labels"])
    assert frames[-1]["right"] == len(labels)
    assert frames[-1]["loss"] < 0.02 < frames[0]["loss"]
    assert frames[0]["step"] == 0
    assert frames[-1]["step"] == start["n_steps"]


@pytest.mark.parametrize("seed", [5, 11])
def test_two_neurons_may_get_stuck(seed: int) -> None:
    """With the seeds that the page names."""
    _, frames = held(backpropagation.lesson, BackpropagationQuery(width=2, seed=seed))

    assert frames[-1]["right"] < 4


def test_the_map_says_at_each_point_what_the_network_says_there() -> None:
    start, frames = held(backpropagation.lesson, BackpropagationQuery())
    side, reach = start["map_side"], start["reach"]
    said = unpacked(frames[-1]["map"], "u1", side, side)

    for (x, y), label in zip(np.reshape(start["points"], (-1, 2)), start["labels"], strict=True):
        row, column = int((0.5 - y / (2 * reach)) * side), int((0.5 + x / (2 * reach)) * side)
        assert (said[row, column] > 127) == bool(label)


def test_a_straight_line_parts_the_bent_points() -> None:
    """The last three weights are those of the output: the line that the page draws through the bent plane."""
    start, frames = held(backpropagation.lesson, BackpropagationQuery())
    bent = unpacked(frames[-1]["bent"], "i1", 4, 2) / UNIT
    u, v, b = frames[-1]["weights"][-3:]

    assert ((bent @ [u, v] + b > 0) == np.array(start["labels"], bool)).all()
    n_points = 2 * start["grid_lines"] * start["grid_steps"]
    assert unpacked(frames[-1]["grid"], "i1", n_points, 2).shape == (n_points, 2)


def test_a_frame_holds_every_weight_and_its_gradient() -> None:
    start, frames = held(backpropagation.lesson, BackpropagationQuery(width=3))
    sizes = start["layers"]
    n_weights = sum((inputs + 1) * outputs for inputs, outputs in pairwise(sizes))

    assert {len(frame["weights"]) for frame in frames} == {n_weights}
    assert {len(frame["grads"]) for frame in frames} == {n_weights}
    assert np.abs(frames[-1]["grads"]).max() < 0.1 * np.abs(frames[0]["grads"]).max()


@pytest.mark.parametrize("query", [BackpropagationQuery, WeightsQuery])
def test_the_seed_decides(query: type[Any]) -> None:
    lesson = {BackpropagationQuery: backpropagation.lesson, WeightsQuery: weights.lesson}[query]

    once = hold(lesson, query(seed=3))

    assert hold(lesson, query(seed=3)) == once
    assert hold(lesson, query(seed=4)) != once


# --- Adam ---


def ways(frames: list[Frame], rule: str) -> npt.NDArray[Any]:
    """The path of a walker, shape (steps, 2)."""
    return np.concatenate([np.reshape(frame["paths"][rule], (-1, 2)) for frame in frames])


def test_walkers_follow_the_rules_of_the_papers() -> None:
    """Two steps by hand: plain gradients, and Adam, whose first step has the size of its rate in both directions."""
    query = AdamQuery(surface="ravine", x=-1.0, y=0.5, sgd_lr=0.1, adam_lr=0.01)
    _, frames = held(adam.lesson, query)

    np.testing.assert_allclose(ways(frames, "sgd")[1], [-1.0 + 0.1 * 0.1, 0.5 - 0.1 * 2.0], atol=1e-4)
    np.testing.assert_allclose(ways(frames, "adam")[1], [-0.99, 0.49], atol=1e-4)
    for rule in adam.RULES:
        np.testing.assert_allclose(ways(frames, rule)[0], [-1.0, 0.5])


@pytest.mark.parametrize("surface", ["ravine", "valley", "saddle"])
def test_adam_ends_lower_than_it_began(surface: str) -> None:
    start, frames = held(adam.lesson, AdamQuery(surface=surface, adam_lr=0.05))
    heights = unpacked(start["map"], "f4", adam.MAP_SIDE, adam.MAP_SIDE)
    way = ways(frames, "adam")

    assert adam.SURFACES[surface](*way[-1]) < 0.1 * adam.SURFACES[surface](*way[0]) + heights.min()
    assert len(way) == start["n_steps"]


def test_on_the_ridge_nobody_moves_sideways_without_noise() -> None:
    _, still = held(adam.lesson, AdamQuery(surface="saddle", y=0.0))
    _, pushed = held(adam.lesson, AdamQuery(surface="saddle", y=0.0, noise=0.3))

    for rule in adam.RULES:
        assert (ways(still, rule)[:, 1] == 0).all()
    assert abs(ways(pushed, "adam")[-1, 1]) > 1


def test_a_walker_that_is_too_bold_stays_where_it_lost_its_way() -> None:
    _, frames = held(adam.lesson, AdamQuery(surface="valley", x=-2.0, y=-2.0, sgd_lr=1.0))

    assert np.isfinite(ways(frames, "sgd")).all()
    assert (ways(frames, "sgd")[-1] == ways(frames, "sgd")[-2]).all()


def test_the_networks_learn() -> None:
    _, frames = held(adam.lesson, AdamQuery())

    for rule in adam.RULES:
        losses = [loss for frame in frames for loss in frame["losses"][rule]]
        assert losses[-1] < losses[0]
    assert frames[-1]["losses"]["adam"][-1] < 0.2 * frames[0]["losses"]["adam"][0]


# --- TD learning ---


def test_the_table_is_that_of_the_learner_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lesson shows what `agents.td` learns, no more and no less."""
    monkeypatch.setattr(td, "N_GAMES", 60)
    learner = TDLearner(td.TDSettings(trace_decay_start=0.5, trace_decay_end=0.5), seed=5)
    learner.train(60)

    _, frames = held(td.lesson, TDQuery(seed=5))

    n = td.N_EXPONENTS
    lines = td.values_of_lines(learner.weights[td.OUTER])
    np.testing.assert_array_equal(unpacked(frames[-1]["table"], "<i2", n, n, n, n), td.table(lines))
    assert frames[-1]["games"] == 60
    assert frames[-1]["moves"] == learner.moves
    assert frames[-1]["used"] == len({min(line, line[::-1]) for line in zip(*np.nonzero(lines), strict=True)})
    assert frames[-1]["used"] > frames[0]["used"] > 0


def test_a_board_is_worth_its_lines() -> None:
    """What the lesson shows of a line is what the network reads of it, wherever it lies at the edge."""
    learner = TDLearner(network=td.NETWORK)
    learner.weights[td.OUTER] = np.random.default_rng(0).normal(size=16**4)
    lines = td.values_of_lines(learner.weights[td.OUTER])
    top, right = np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8)
    top[0] = right[::-1, 3] = [3, 1, 0, 2]

    for board in (top, right):
        (value,) = ntuple_leaves(learner.values()).value(np.array([pack(board)[0]]))
        assert value == pytest.approx(lines[3, 1, 0, 2] + lines[3, 0, 0, 0] + lines[0, 0, 0, 2] + lines[0, 0, 0, 0])


def test_td_learning_plays_better_and_better() -> None:
    _, frames = held(td.lesson, TDQuery())

    assert frames[-1]["score"] > 4 * np.mean([frame["score"] for frame in frames[:5]])


def test_a_table_of_untouched_memory_is_one_of_zeros() -> None:
    zeros = td.untouched(1000)

    assert zeros.dtype == np.float32
    assert (zeros == 0).all()
    zeros[3] = 1.0
    assert zeros.sum() == 1.0


# --- diffusion ---


@pytest.mark.parametrize(
    ("data", "parametrization"), [("moons", "flow"), pytest.param("ring", "epsilon", marks=pytest.mark.slow)]
)
def test_diffusion_draws_ever_nearer_to_the_data(data: str, parametrization: str) -> None:
    start, frames = held(diffusion.lesson, DiffusionQuery(data=data, parametrization=parametrization))
    shape = start["denoising_steps"] + 1, start["n_points"], 2
    drawn = [unpacked(frame["points"], "i1", *shape) for frame in frames]

    assert frames[-1]["distance"] < 0.3 * frames[0]["distance"]
    assert all((some[0] == drawn[0][0]).all() for some in drawn)  # the same noise each time
    assert frames[-1]["step"] == start["n_steps"]


# --- weight images ---


def test_a_layer_learns_to_read_digits() -> None:
    start, frames = held(weights.lesson, WeightsQuery())
    images = unpacked(frames[-1]["images"], "i1", 10, start["side"], start["side"])

    assert frames[-1]["accuracy"] > 0.9
    assert frames[0]["accuracy"] < 0.3
    assert np.abs(images.astype(int)).max() == UNIT
    assert images[0, 12:16, 12:16].mean() < 0  # ink in the middle speaks against a nought


# --- over HTTP ---


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """One worker for all."""
    with GameStore(f"sqlite:///{tmp_path_factory.mktemp('lessons')}/games.sqlite") as store:
        app = create_app(ServerConfig(runs=None, rate_limits=False), store=store)
        yield app
        app.extensions["workers"].close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def test_a_lesson_is_streamed_as_numbered_events(client: FlaskClient) -> None:
    response = client.get("/api/lessons/backpropagation?width=3&seed=7")
    events = read_events(response.data)

    _, frames = held(backpropagation.lesson, BackpropagationQuery(width=3, seed=7))
    assert response.content_type == "text/event-stream; charset=utf-8"
    assert [name for name, _, _ in events] == ["start"] + ["frame"] * len(frames) + ["end"]
    assert [number for _, number, _ in events] == list(range(len(events)))
    assert [data["loss"] for name, _, data in events if name == "frame"] == [frame["loss"] for frame in frames]


@pytest.mark.parametrize("name", ["adam", "weights"])
def test_other_lessons_are_streamed_too(client: FlaskClient, name: str) -> None:
    events = read_events(client.get(f"/api/lessons/{name}").data)

    assert (events[0][0], events[-1][0]) == ("start", "end")


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("backpropagation?lr=3", "lr: expected `float` <= 2.0, got '3'"),
        ("backpropagation?width=9", "width: expected `int` <= 8"),
        ("backpropagation?lr=nan", "lr"),
        ("adam?surface=moon", "surface: invalid enum value 'moon'"),
        ("td?seed=-1", "seed: expected `int` >= 0"),
        ("diffusion?steps=1", "unknown field `steps`"),
        ("weights?seed=1&seed=2", "'seed' must be given once, got 2 values"),
    ],
)
def test_wrong_settings_are_refused_by_name(client: FlaskClient, query: str, told: str) -> None:
    response = client.get(f"/api/lessons/{query}")

    assert response.status_code == 400
    assert told in response.json["detail"]
