"""Checkpoints of version 1: every board has exactly the value that it had."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from safetensors.numpy import save_file

from agents.checkpoint import FILE_NAME, load_agent, load_learner, save_learner
from agents.checkpoint_v1 import LINES_START, NETWORK, PATTERNS, upgraded_tensors
from agents.errors import CheckpointError
from agents.ntuple import write_features
from game2048 import board as rules
from tests.oracles import checkpoint_v1 as old
from tests.oracles.td import features, place

OLD_SETTINGS = {"alpha": 1.0, "trace_decay_start": 0.8, "trace_decay_end": 0.4, "trace_decay_games": 5000.0}


def boards(n=60):
    """Of few different tiles, so that lines read the same both ways, and of many."""
    generator = np.random.default_rng(1)
    return [generator.integers(0, 3 if i % 2 else 18, (4, 4)) for i in range(n)]


@pytest.fixture(scope="module")
def tensors():
    """What a learner of version 1 would have saved that knows these boards and others."""
    generator = np.random.default_rng(0)
    others = [generator.integers(0, 18, (4, 4)) for _ in range(100)]
    indices = np.unique([f for cells in boards() + others for f in old.features(cells)]).astype(np.uint32)
    weights = generator.normal(scale=1000, size=indices.size).astype(np.float32)
    sums = generator.normal(size=(indices.size, 1)).astype(np.float32) * np.array([0.5, 1], np.float32)
    return {
        "indices": indices, "weights": weights, "coherence": np.abs(sums), "rng": np.array([7], np.uint64)
    }  # fmt: skip


def write(folder, tensors, **changes):
    counts = {"seed": 3, "games": 100, "moves": 9000}
    header = {"format": "game2048 n-tuple", "version": 1, "patterns": PATTERNS, "settings": OLD_SETTINGS, **counts}
    folder.mkdir(exist_ok=True)
    save_file(tensors, folder / FILE_NAME, {"game2048": json.dumps({**header, **changes})})
    return folder


def test_every_board_has_exactly_the_value_that_it_had(tmp_path, tensors):
    """Summed without rounding: in float64, which holds the sums of these floats."""
    weights = load_agent(write(tmp_path, tensors)).values.weights.astype(np.float64)
    were = dict(zip(tensors["indices"].tolist(), tensors["weights"].astype(np.float64), strict=True))

    for cells in boards():
        found = np.empty((1, NETWORK.n_features), np.uint32)
        write_features(rules.pack(cells)[0], NETWORK.layout, found, 0)
        assert weights[found].sum() == pytest.approx(sum(were[f] for f in old.features(cells)), rel=1e-12)


def test_weights_stand_where_the_naive_twin_finds_them(tensors):
    """With E and A as they were, for both directions of a line."""
    were = {f: i for i, f in enumerate(tensors["indices"].tolist())}

    places, upgraded = upgraded_tensors(tensors["indices"], {k: tensors[k] for k in ("weights", "coherence")})

    assert (np.diff(places.astype(np.int64)) > 0).all()
    now = {p: i for i, p in enumerate(places.tolist())}
    for cells in boards(20):
        for feature in features(cells, NETWORK):
            _, pattern, exponents = feature
            table = ["012345", "456789", "012456", "45689a", "0123", "4567"].index(pattern)
            either = old.index(exponents), old.index(exponents[::-1])
            before = were[(table << 24) + either[0] if table < 4 else LINES_START + 65536 * (table - 4) + min(either)]
            after = now[place(feature, NETWORK)]
            assert upgraded["weights"][after] == tensors["weights"][before] * (1 if table < 4 else 0.5)
            assert upgraded["coherence"][after].tolist() == tensors["coherence"][before].tolist()
    lines = [i for i in tensors["indices"].tolist() if i >= LINES_START]
    palindromes = [i for i in lines if f"{i & 0xFFFF:04x}" == f"{i & 0xFFFF:04x}"[::-1]]
    assert 0 < len(palindromes) < len(lines)
    assert places.size == tensors["indices"].size + len(lines) - len(palindromes)


def test_a_line_in_the_direction_that_was_never_read_has_no_weight():
    """The index of 4 2 0 0 from the other side; nobody could have learned it, but a file might hold it."""
    indices = np.array([LINES_START + 0x0012, LINES_START + 0x2100], np.uint32)

    places, upgraded = upgraded_tensors(indices, {"weights": np.array([8, 100], np.float32)})

    assert upgraded["weights"].tolist() == [4, 4]
    assert places.size == 2


def test_a_learner_goes_on(tmp_path, tensors):
    learner = load_learner(write(tmp_path, tensors))

    assert (learner.games, learner.episodes, learner.moves, learner.seed) == (100, 100, 9000, 3)
    assert learner.rng.tolist() == [7]
    assert OLD_SETTINGS.items() <= asdict(learner.settings).items()
    assert learner.train(5).scores.min() > 0
    save_learner(learner, tmp_path / "now")
    assert load_learner(tmp_path / "now").games == 105


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"patterns": [[0, 1, 2]]}, r"patterns must be \[\[0, 1, 2, 3, 4, 5\], .*, got \[\[0, 1, 2\]\]"),
        ({"patterns": None}, "patterns must be"),
        ({"settings": None}, "settings must be a dictionary, got None"),
        ({"games": -5}, "games must be a count, got -5"),
    ],
)
def test_what_was_none_then_is_none_now(tmp_path, tensors, changes, message):
    with pytest.raises(CheckpointError, match=message):
        load_agent(write(tmp_path, tensors, **changes))


def test_damaged_tensors_are_named_before_they_are_converted(tmp_path, tensors):
    with pytest.raises(CheckpointError, match="tensor weights must be float32 of shape"):
        load_agent(write(tmp_path, {**tensors, "weights": np.zeros(3, np.float32)}))
