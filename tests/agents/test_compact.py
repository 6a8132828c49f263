"""Compact networks: what rounding changes, what a file holds, and what is no compact network."""

import json
import zlib

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from agents.checkpoint import FILE_NAME as CHECKPOINT_NAME
from agents.checkpoint import load_agent, save_learner
from agents.compact import FILE_NAME, compact, load_compact, save_compact
from agents.errors import CheckpointError
from agents.networks import Network
from agents.ntuple import Values
from agents.players import load_player
from agents.sharing import compact_run
from agents.td import TDLearner, TDSettings

PLAYED = {"games": 1, "episodes": 2, "moves": 3}


def values_of(name="0123+45+empty", scale=1000.0, **more):
    """A network with random weights, a third of them used."""
    network = Network.named(name)
    generator = np.random.default_rng(1)
    weights = generator.normal(0, scale, network.n_weights).astype(np.float32)
    weights[generator.random(weights.size) < 0.7] = 0
    return Values(network, weights, **more)


@pytest.fixture
def saved(tmp_path):
    """The path of a compact network."""
    path = tmp_path / FILE_NAME
    save_compact(compact(values_of(initial=100.5)), PLAYED, path)
    return path


# --- rounding ---


@pytest.mark.parametrize(("largest", "unit"), [(0.01, 2**-14), (1, 2**-14), (1000, 2**-5), (32_768, 2), (100_000, 4)])
def test_weights_are_rounded_to_the_smallest_power_of_two_that_fits(largest, unit):
    values = values_of(scale=largest / 10)
    values.weights[0] = -largest

    small = compact(values)

    assert small.weights.dtype == np.int16
    assert float(small.unit) == unit
    assert np.abs(small.weights * small.unit - values.weights).max() <= unit / 2


def test_the_largest_weights_of_both_signs_fit():
    values = values_of()
    values.weights[:2] = 32767.0, -32767.0

    assert compact(values).weights[:2].tolist() == [32767, -32767]


def test_a_learned_weight_of_a_stage_never_becomes_0():
    """0 means that it was not learned, and then that of the stage before counts."""
    values = values_of("012@11", scale=10)
    values.weights[:3] = 0.25, -0.25, 0

    assert compact(values, unit=1).weights[:3].tolist() == [1, -1, 0]
    assert np.array_equal(compact(values, unit=1).weights != 0, values.weights != 0)


@pytest.mark.parametrize("unit", [0.5, 3.0, 0.0, -1.0, float("nan"), float("inf")])
def test_a_unit_that_is_none_is_refused(unit):
    values = values_of()
    values.weights[0] = 32_767

    with pytest.raises(ValueError, match=r"unit must be a power of two of at least 1, got"):
        compact(values, unit)


def test_a_compact_network_keeps_its_unit():
    small = compact(values_of(), unit=4)

    assert compact(small) is compact(small, unit=4) is small
    with pytest.raises(ValueError, match="unit must be 4, in which the network is compact already, got 8"):
        compact(small, unit=8)


def test_weights_that_are_not_finite_are_refused():
    values = values_of()
    values.weights[5] = np.nan

    with pytest.raises(CheckpointError, match="not finite"):
        compact(values)


# --- files ---


def test_a_network_is_read_as_it_was_written(saved):
    small = compact(values_of(initial=100.5))

    read, header = load_compact(saved)

    assert read.network == small.network
    assert np.array_equal(read.weights, small.weights)
    assert (read.unit, read.initial) == (small.unit, small.initial)
    assert {name: header[name] for name in PLAYED} == PLAYED


def test_a_run_is_shared_as_a_folder_or_a_file_that_plays(tmp_path):
    learner = TDLearner(TDSettings(initial=50.0), network=Network.named("0123"))
    learner.weights[:] = 3
    learner.games = 1234
    save_learner(learner, tmp_path)

    compact_run(tmp_path, tmp_path / "shared", unit=1)

    for player in (load_agent(tmp_path / "shared"), load_player(tmp_path / "shared" / FILE_NAME)):
        assert player.name == "n-tuple 0123, 1,234 games, compact"
        assert np.array_equal(player.values.weights, np.full(16**4, 3))
        assert player.values.initial == 50
    assert json.loads((tmp_path / "shared" / "settings.json").read_text())["network"] == "0123"


@pytest.mark.parametrize("name", ["checkpoint.safetensors", "model.safetensors"])
def test_a_compact_network_never_replaces_the_settings_of_a_run(tmp_path, name):
    save_learner(TDLearner(network=Network.named("0123")), tmp_path)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / name).touch()

    with pytest.raises(ValueError, match=f"out must not hold a run, .*other has a {name}"):
        compact_run(tmp_path, tmp_path / "other")
    assert [path.name for path in (tmp_path / "other").iterdir()] == [name]


def test_where_there_is_a_checkpoint_it_plays(tmp_path):
    save_learner(TDLearner(network=Network.named("0123")), tmp_path)
    save_compact(compact(values_of()), PLAYED, tmp_path / FILE_NAME)

    assert load_agent(tmp_path).name == "n-tuple 0123, 0 games"
    (tmp_path / CHECKPOINT_NAME).unlink()
    assert load_agent(tmp_path).name == "n-tuple 0123+45+empty, 1 games, compact"


# --- files that are none ---


def rewrite(path, header=None, **tensors):
    with safe_open(path, framework="numpy") as file:
        old = json.loads(file.metadata()["game2048"])
    save_file({**load_file(path), **tensors}, path, {"game2048": json.dumps({**old, **(header or {})})})


@pytest.mark.parametrize("keep", [0, 7, 100, -1])
def test_a_truncated_file_is_refused(saved, keep):
    saved.write_bytes(saved.read_bytes()[:keep])

    with pytest.raises(CheckpointError, match="damaged or not a compact network"):
        load_compact(saved)


def test_any_changed_bit_is_noticed(saved):
    data = saved.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = data.index(b"game2048"), data.index(b"checks")
    generator = np.random.default_rng(2)

    for place in (*generator.integers(start, len(data), 50), *generator.integers(*header, 100)):
        changed = bytearray(data)
        changed[place] ^= 1 << int(generator.integers(8))
        saved.write_bytes(changed)

        with pytest.raises(CheckpointError, match=FILE_NAME):
            load_compact(saved)


def test_a_file_without_a_check_of_its_header_is_read(saved):
    """They were written so at first."""
    with safe_open(saved, framework="numpy") as file:
        checks = json.loads(file.metadata()["game2048"])["checks"]

    rewrite(saved, {"checks": checks[:3]})

    assert np.array_equal(load_compact(saved)[0].weights, compact(values_of()).weights)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"format": "other"}, "not a compact n-tuple network"),
        ({"version": 2}, "format version 2, this program reads 1"),
        ({"network": {"patterns": ["0123"], "counts": [], "stage_tiles": []}}, "must hold 8192 bytes, got more"),
        ({"network": {"patterns": ["01234"], "counts": [], "stage_tiles": []}}, "must hold 131072 bytes, got 8226"),
        ({"network": {"patterns": ["0"]}}, "damaged"),
        ({"unit": "one"}, "damaged"),
        ({"games": -1}, "games must be a count, got -1"),
    ],
)
def test_a_mismatching_header_is_named(saved, header, message):
    rewrite(saved, header)

    with pytest.raises(CheckpointError, match=message):
        load_compact(saved)


def test_a_small_file_cannot_ask_for_much_memory(saved):
    """A few bytes of zlib could become gigabytes: no more than should be there is taken."""
    rewrite(saved, low=np.frombuffer(zlib.compress(bytes(10**7)), np.uint8))

    with pytest.raises(CheckpointError, match="got more"):
        load_compact(saved)
