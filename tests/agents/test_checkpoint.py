"""Checkpoints: exact, whole or not there, and whatever is wrong with a file is noticed and named."""

import json
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from agents.checkpoint import FILE_NAME, learned, load_agent, load_learner, save_learner
from agents.errors import CheckpointError, NoCheckpointError
from agents.networks import Network
from agents.tables_file import open_tables, write_tables
from agents.td import TDLearner, TDSettings

SMALL = Network.named("0123+45+empty")
TABLES = ("weights", "coherence")


def learner_of(settings=None, *, network=SMALL, n_threads=2):
    """A learner with random tables, a third of them used."""
    learner = TDLearner(settings, seed=2**64 - 1, network=network, n_threads=n_threads)
    generator = np.random.default_rng(1)
    for table in (learner.weights, learner.coherence):
        used = generator.random(table.size) < 0.3
        table[used] = generator.normal(0, 100, used.sum())
    learner.weights[7] = -0.0
    learner.games, learner.episodes, learner.moves = 5, 6, 7
    return learner


@pytest.fixture
def saved(tmp_path):
    """A folder with a checkpoint."""
    save_learner(learner_of(), tmp_path)
    return tmp_path


def read_header(folder):
    with safe_open(folder / FILE_NAME, framework="numpy") as file:
        return json.loads(file.metadata()["game2048"])


def rewrite(folder, header=None, **tensors):
    """Change parts of a checkpoint, as a program without checks would."""
    metadata = {"game2048": json.dumps({**read_header(folder), **(header or {})})}
    old = {name: tensor for name, tensor in load_file(folder / FILE_NAME).items() if name != "checks"}
    save_file({**old, **tensors}, folder / FILE_NAME, metadata)


# --- what is read is what was written ---


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("0123+45+empty", TDSettings(alpha=0.5, restart=0.5, initial=1000.0)),
        ("012@11,9", TDSettings(alpha_drops=(0.5, 0.75), planned_games=9)),
        ("012", TDSettings(carousel_tiles=(11, 12))),
    ],
)
def test_a_learner_is_read_as_it_was_to_the_bit(tmp_path, name, settings):
    learner = learner_of(settings, network=Network.named(name))
    learner.carousel[:] = np.arange(learner.carousel.size).reshape(learner.carousel.shape)

    save_learner(learner, tmp_path)
    loaded = load_learner(tmp_path)

    for part in ("weights", "coherence", "rng"):
        assert getattr(loaded, part).tobytes() == getattr(learner, part).tobytes(), part
    for part in ("network", "settings", "seed", "games", "episodes", "moves"):
        assert getattr(loaded, part) == getattr(learner, part), part
    assert np.array_equal(loaded.carousel, learner.carousel) == bool(settings.carousel_tiles)


def test_a_player_has_the_weights_of_the_learner(saved):
    agent = load_agent(saved)

    assert np.array_equal(agent.values.weights, learner_of().weights)
    assert agent.name == "n-tuple 0123+45+empty, 5 games"


def test_tables_longer_than_a_piece_are_read_as_they_were(tmp_path):
    """Three pieces: a used one, an empty one, and a part of one; and small arrays beside them."""
    n = 2 * 2**20 + 4096
    rows = np.r_[0:100, 2**20 - 1, 2**21 : n : 3]
    tables = {"a": np.zeros(n, np.float32), "b": np.zeros((n, 2), np.float32)}
    tables["a"][rows] = rows
    tables["b"][rows[::2], 1] = 1
    path = tmp_path / "tables.safetensors"

    write_tables(path, {"x": 1}, tables, {"c": np.arange(6, dtype=np.uint64).reshape(2, 3)})
    read = {name: np.zeros_like(table) for name, table in tables.items()}
    with open_tables(path) as file:
        file.fill(read)
        header, c = file.header, file.get("c", np.uint64, (2, 3))

    assert all(np.array_equal(read[name], tables[name]) for name in tables)
    assert header == {"x": 1}
    assert c.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_an_unused_weight_takes_one_bit(tmp_path):
    learner = TDLearner(network=Network.named("01234"))
    learner.weights[9] = 1.0

    save_learner(learner, tmp_path)

    assert (tmp_path / FILE_NAME).stat().st_size < 16**5 / 8 + 2000


def test_a_file_of_version_2_is_read(saved):
    """Which lists indices in place of bits."""
    learner = learner_of()
    learner.coherence[1::2][learner.weights != 0] = 1  # what was updated had A > 0
    metadata = {"game2048": json.dumps({**read_header(saved), "version": 2})}
    save_file({**learned(learner), "rng": learner.rng}, saved / FILE_NAME, metadata)

    loaded = load_learner(saved)

    assert np.array_equal(loaded.weights, learner.weights)
    used = learner.coherence[1::2] != 0
    assert np.array_equal(loaded.coherence.reshape(-1, 2)[used], learner.coherence.reshape(-1, 2)[used])


# --- what cannot be written leaves what was there ---


def test_a_full_disk_leaves_the_last_checkpoint(saved):
    """A limit on the size of files stands for the disk: writing fails half-way."""
    before = (saved / FILE_NAME).read_bytes()
    learner = learner_of()
    learner.weights[:] = 1
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(OSError, match=f"File too large.*{FILE_NAME}"):
            save_learner(learner, saved)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert (saved / FILE_NAME).read_bytes() == before
    assert [path.name for path in saved.iterdir()] == [FILE_NAME]


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_not_saved(saved, table, value):
    before = (saved / FILE_NAME).read_bytes()
    learner = learner_of()
    getattr(learner, table)[100] = value

    with pytest.raises(CheckpointError, match=f"is not written: {table} holds values that are not finite"):
        save_learner(learner, saved)

    assert (saved / FILE_NAME).read_bytes() == before


WRITER = """
import sys
from pathlib import Path
import numpy as np
from agents.tables_file import write_tables

table = np.zeros((40_000, 2), np.float32)
for number in range(1, 10**9):
    table[: number % 40_000] = number
    write_tables(Path(sys.argv[1]), {"number": number}, {"table": table}, {})
"""


def kill_while_writing(path, generator):
    """Start a process that writes without end, kill it after the first file at a random moment, read what is there."""
    with subprocess.Popen([sys.executable, "-c", WRITER, path]) as process:
        while not path.exists():
            assert process.poll() is None
            time.sleep(0.005)
        time.sleep(generator.uniform(0, 0.1))
        process.send_signal(signal.SIGKILL)
    table = np.zeros((40_000, 2), np.float32)
    with open_tables(path) as file:
        file.fill({"table": table})
        return file.header["number"], table


@pytest.mark.parametrize("n_times", [10, pytest.param(100, marks=pytest.mark.slow)])
def test_kill_9_at_a_random_moment_leaves_a_whole_file(tmp_path, n_times):
    """And what a killed process leaves behind is removed by the next that writes."""
    generator = np.random.default_rng(0)
    path = tmp_path / FILE_NAME
    numbers = set()
    for _ in range(n_times):
        path.unlink(missing_ok=True)
        number, table = kill_while_writing(path, generator)
        numbers.add(number)
        assert np.array_equal(table, np.repeat([number, 0], [2 * number, 80_000 - 2 * number]).reshape(-1, 2))

    write_tables(path, {}, {"table": np.zeros(8, np.float32)}, {})

    assert len(numbers) > 1, "all died at the same write"
    assert [file.name for file in tmp_path.iterdir()] == [FILE_NAME]


# --- files that are none ---


def test_an_empty_folder_has_no_checkpoint(tmp_path):
    with pytest.raises(NoCheckpointError, match=r"no model in .*game2048 train"):
        load_agent(tmp_path)


@pytest.mark.parametrize("keep", [0, 7, 100, 5000, -1])
def test_a_truncated_checkpoint_is_refused(saved, keep):
    path = saved / FILE_NAME
    path.write_bytes(path.read_bytes()[:keep])

    for load in (load_agent, load_learner):
        with pytest.raises(CheckpointError, match="damaged or not a checkpoint"):
            load(saved)


def test_any_changed_bit_is_noticed(saved):
    path = saved / FILE_NAME
    data = path.read_bytes()
    generator = np.random.default_rng(2)
    head = int.from_bytes(data[:8], "little")
    places = [*generator.integers(0, 8 + head, 50), *generator.integers(8 + head, len(data), 50)]

    for place in places:
        changed = bytearray(data)
        changed[place] ^= 1 << int(generator.integers(8))
        path.write_bytes(changed)

        with pytest.raises(CheckpointError, match=FILE_NAME):
            load_learner(saved)


def test_a_file_of_another_kind_is_refused(saved):
    save_file({"x": np.zeros(3, np.float32)}, saved / FILE_NAME)

    with pytest.raises(CheckpointError, match="not a checkpoint of a game2048 n-tuple network"):
        load_agent(saved)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"version": 99}, "format version 99, this program reads 3"),
        ({"network": {"patterns": ["0x"], "counts": [], "stage_tiles": []}}, "the network is none: .*, got '0x'"),
        ({"network": {"patterns": ["01"]}}, "the network is none: .*counts"),
        ({"network": "4x6"}, "the network is none"),
        ({"network": {"patterns": ["012"], "counts": [], "stage_tiles": []}},
         "tensor rows must have 4096 bits, one for each weight, got 65808"),
        ({"settings": {"beta": 1}}, "header is damaged"),
        ({"settings": {"alpha": 7}}, r"alpha must be in \(0, 1\], got 7"),
        ({"games": -5}, "games must be a count, got -5"),
        ({"games": None}, "games must be a count, got None"),
        ({"moves": "many"}, "moves must be a count, got 'many'"),
        ({"moves": 2**63}, "moves must be a count, got 9223372036854775808"),
        ({"seed": 2**64}, "seed must be a count, got 18446744073709551616"),
    ],
)  # fmt: skip
def test_a_mismatching_header_is_named(saved, header, message):
    rewrite(saved, header)

    with pytest.raises(CheckpointError, match=message):
        load_learner(saved)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"weights": np.zeros(3, np.float32)}, "tensor weights must be float32 of shape"),
        ({"weights": np.zeros(3, np.float64)}, "tensor weights must be float32"),
        ({"rng": np.zeros((1, 2), np.uint64)}, r"tensor rng must be uint64 of shape \(2,\)"),
        ({"rng": np.zeros(1, np.int64)}, r"tensor rng must be uint64 of shape \(1,\)"),
        ({"rows": np.zeros(65808 // 8, np.uint8)}, "tensor weights must be float32 of shape .0"),
    ],
)
def test_a_mismatching_tensor_is_named(saved, tensors, message):
    rewrite(saved, **tensors)

    with pytest.raises(CheckpointError, match=message):
        load_learner(saved)


def test_a_file_of_another_program_with_nan_is_refused(saved):
    weights = load_file(saved / FILE_NAME)["weights"]
    weights[3] = np.nan
    rewrite(saved, weights=weights)

    with pytest.raises(CheckpointError, match="tensor weights holds values that are not finite"):
        load_learner(saved)


@pytest.mark.slow
def test_a_learner_of_1_6_gb_is_saved_in_ten_seconds_of_computing(tmp_path: Path):
    """Two fifths of its weights used; how long the disk takes is the disk's."""
    learner = TDLearner(network=Network.named("8x6"))
    used = np.random.default_rng(0).random(learner.weights.size) < 0.4
    learner.weights[used] = 1.5
    learner.coherence.reshape(-1, 2)[used] = 2.5

    start = time.process_time()
    save_learner(learner, tmp_path)
    seconds = time.process_time() - start

    assert seconds < 10
    assert (tmp_path / FILE_NAME).stat().st_size < 13 * 0.41 * used.size
