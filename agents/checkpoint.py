"""Checkpoints: everything a learner needs to go on, in one file, written atomically.

A folder holds ``checkpoint.safetensors`` of the form of `agents.tables_file`, with the tables

=============  ======================================================================================
tensor         content
=============  ======================================================================================
``weights``    float32, shape (k,): those of the k weights that were ever updated
``coherence``  float32, shape (k, 2): their accumulators E and A
``rng``        uint64, shape (n_threads,)
``carousel``   uint64, shape (n_threads, stages, n, 2): where there is a carousel, its boards
=============  ======================================================================================

and, in the header, the format, the network, the settings and the counts. Weights that were never updated take a bit
each. A folder may hold a compact network instead (`agents.compact`), which plays but does not learn.

Files of version 2, which list ``indices`` (uint32, ascending) in place of the bits, are read as well, and those of
version 1 by `agents.checkpoint_v1`.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agents import checkpoint_v1, compact
from agents.errors import CheckpointError, NoCheckpointError
from agents.memory import check_playing
from agents.networks import Network
from agents.ntuple import NTupleAgent, Values
from agents.tables_file import TablesFile, open_tables, write_tables
from agents.td import TDLearner, TDSettings

FILE_NAME: Final = "checkpoint.safetensors"
CRITIC_FOLDER: Final = "critic"
"""Within the folder of a policy's run, where the policy learned by the values of an n-tuple network: that network."""
FORMAT: Final = "game2048 n-tuple"
VERSION: Final = 3
INDEXED: Final = 2
"""The version that lists indices."""

Arrays = dict[str, npt.NDArray[Any]]


# --- a learner ---


def save_learner(learner: TDLearner, folder: Path) -> None:
    """Save a learner; a checkpoint that was there stays whole until the new one is on disk.

    Raises
    ------
    CheckpointError
        If a weight is not finite; the last checkpoint stays.
    OSError
        If the file cannot be written, on a full disk for example; the last checkpoint stays.
    """
    header = {
        "format": FORMAT,
        "version": VERSION,
        "network": asdict(learner.network),
        "settings": asdict(learner.settings),
        "seed": learner.seed,
        "games": learner.games,
        "episodes": learner.episodes,
        "moves": learner.moves,
    }
    others = {"rng": learner.rng, **({"carousel": learner.carousel} if learner.settings.carousel_tiles else {})}
    write_tables(folder / FILE_NAME, header, _tables(learner), others)


def load_learner(folder: Path) -> TDLearner:
    """Load a learner that goes on exactly where the saved one stopped.

    Raises
    ------
    NoCheckpointError
        If there is no checkpoint in ``folder``.
    CheckpointError
        If the file is damaged, of another version, or of another network.
    """
    with _open(folder) as (file, network):
        header, rng = file.header, file.get("rng", np.uint64)
        settings = _settings(file)
        learner = TDLearner(settings, header["seed"], network=network, n_threads=rng.size)
        learner.games, learner.episodes, learner.moves = (header[name] for name in ("games", "episodes", "moves"))
        learner.rng[:] = rng
        if settings.carousel_tiles:
            learner.carousel = file.get("carousel", np.uint64, learner.carousel.shape)
        _fill(file, _tables(learner))
    return learner


def read_plan(folder: Path) -> tuple[Network, TDSettings, dict[str, Any]]:
    """Return what the learner in a folder learns, how, and the header with its seed and counts; no table is read.

    Raises
    ------
    NoCheckpointError, CheckpointError
        As `load_learner`.
    """
    with _open(folder) as (file, network):
        return network, _settings(file), file.header


def _tables(learner: TDLearner) -> Arrays:
    """Return views of the tables of a learner, a row for each weight."""
    return {"weights": learner.weights, "coherence": learner.coherence.reshape(-1, 2)}


def learned(learner: TDLearner) -> Arrays:
    """Return ``indices``, ``weights`` and ``coherence`` of the weights that were ever updated, copies."""
    accumulators = learner.coherence.reshape(-1, 2)
    indices = np.flatnonzero(accumulators[:, 1] != 0).astype(np.uint32)  # A_i > 0 from the first update on
    return {"indices": indices, "weights": learner.weights[indices], "coherence": accumulators[indices]}


def put_back(learner: TDLearner, tensors: Arrays) -> None:
    """Give what `learned` returned to a learner that has learned nothing yet."""
    for name, table in _tables(learner).items():
        table[tensors["indices"]] = tensors[name]


# --- a player ---


def load_agent(folder: Path) -> NTupleAgent:
    """Load a player.

    Raises
    ------
    NoCheckpointError, CheckpointError
        As `load_values`.
    """
    return agent_of(*load_values(folder))


def agent_of(values: Values, header: dict[str, Any]) -> NTupleAgent:
    """Return a player by what its file holds."""
    kind = ", compact" if values.weights.dtype == np.int16 else ""
    return NTupleAgent(values, name=f"n-tuple {values.network.name}, {header['games']:,} games{kind}")


def load_values(folder: Path) -> tuple[Values, dict[str, Any]]:
    """Load what is needed to play, and the header: of a checkpoint, or where there is none, of a compact network.

    Raises
    ------
    NoCheckpointError
        If there is neither in ``folder``.
    CheckpointError
        If the file is damaged or of another version.
    NetworkError
        If the weights take more memory than there is.
    """
    if not (folder / FILE_NAME).is_file() and (folder / compact.FILE_NAME).is_file():
        return compact.load_compact(folder / compact.FILE_NAME)
    with _open(folder) as (file, network):
        check_playing(network)
        weights = np.zeros(network.n_weights, np.float32)
        _fill(file, {"weights": weights})
        return Values(network, weights, initial=_settings(file).initial), file.header


# --- reading ---


@contextmanager
def _open(folder: Path) -> Iterator[tuple[TablesFile, Network]]:
    """Open the checkpoint of a folder, and check what it says of itself."""
    path = folder / FILE_NAME
    if not path.is_file():
        raise NoCheckpointError(f"no model in {folder}: there is no {FILE_NAME} (train one with: game2048 train)")
    with open_tables(path) as file:
        header = file.header
        if header.get("format") != FORMAT:
            raise CheckpointError(f"{path} is not a checkpoint of a {FORMAT} network")
        if header.get("version") == checkpoint_v1.VERSION:
            header.update(checkpoint_v1.upgraded_header(header), version=checkpoint_v1.VERSION)
        if header.get("version") not in (VERSION, INDEXED, checkpoint_v1.VERSION):
            raise CheckpointError(f"{path} has format version {header.get('version')}, this program reads {VERSION}")
        for count, most in (("seed", 2**64 - 1), *((name, sys.maxsize) for name in ("games", "episodes", "moves"))):
            if type(header.get(count)) is not int or not 0 <= header[count] <= most:
                raise CheckpointError(f"{path}: {count} must be a count, got {header.get(count)!r}")
        try:
            network = Network.from_json(header["network"])
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{path}: the network is none: {error!r}") from error
        yield file, network


def _settings(file: TablesFile) -> TDSettings:
    """Return how the learner in a file learns."""
    try:
        saved: dict[str, Any] = file.header["settings"]
        given: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in saved.items()}
        return TDSettings(**given)
    except (KeyError, AttributeError, TypeError, ValueError) as error:
        raise CheckpointError(f"{file.path}: the header is damaged: {error!r}") from error


def _fill(file: TablesFile, tables: Arrays) -> None:
    """Read tables into zeros."""
    version = file.header["version"]
    if version == VERSION:
        file.fill(tables)
    elif version == INDEXED:
        file.fill_indexed(tables, lambda indices, stored: (indices, stored))
    else:
        file.fill_indexed(tables, checkpoint_v1.upgraded_tensors)
