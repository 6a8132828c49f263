"""Checkpoints: everything a learner needs to go on, in one safetensors file, written atomically.

A folder holds ``checkpoint.safetensors`` with

============  =====================================================================================
tensor        content
============  =====================================================================================
``indices``   uint32, shape (k,): the weights that were ever updated, in ascending order
``weights``   float32, shape (k,)
``coherence`` float32, shape (k, 2): accumulators E and A
``rng``       uint64, shape (n_threads,)
============  =====================================================================================

and, as JSON in the file's metadata, the format, the network, the settings and the counts. Weights that were never
updated are 0 and take no space: 66 MiB after 10,000 games instead of 770. `agents.checkpoint_v1` reads those of version
1.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from agents import checkpoint_v1
from agents.errors import CheckpointError, NoCheckpointError
from agents.networks import Network
from agents.ntuple import NTupleAgent, Values
from agents.td import TDLearner, TDSettings
from nets.files import write_atomically

FILE_NAME: Final = "checkpoint.safetensors"
CRITIC_FOLDER: Final = "critic"
"""Within the folder of a policy's run, where the policy learned by the values of an n-tuple network: that network."""
FORMAT: Final = "game2048 n-tuple"
VERSION: Final = 2


def save_learner(learner: TDLearner, folder: Path) -> None:
    """Save a learner; a checkpoint that was there stays whole until the new one is on disk.

    Raises
    ------
    CheckpointError, OSError
        If the file cannot be written, on a full disk for example.
    """
    tensors = {**learned(learner), "rng": learner.rng}
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
    metadata = {"game2048": json.dumps(header)}
    folder.mkdir(parents=True, exist_ok=True)
    try:
        write_atomically(folder / FILE_NAME, lambda path: save_file(tensors, path, metadata))
    except SafetensorError as error:
        raise CheckpointError(f"{folder / FILE_NAME} cannot be written: {error}") from error


def load_learner(folder: Path) -> TDLearner:
    """Load a learner that goes on exactly where the saved one stopped.

    Raises
    ------
    NoCheckpointError
        If there is no checkpoint in ``folder``.
    CheckpointError
        If the file is damaged, of another version, or of another network.
    """
    header, tensors = _read(folder, ("indices", "weights", "coherence", "rng"))
    try:
        settings = TDSettings(**header["settings"])
        n_threads = tensors["rng"].size
        learner = TDLearner(settings, header["seed"], network=network_of(header), n_threads=n_threads)
        learner.games, learner.episodes, learner.moves = (header[name] for name in ("games", "episodes", "moves"))
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{folder / FILE_NAME}: the header is damaged: {error!r}") from error
    put_back(learner, tensors)
    learner.rng[:] = tensors["rng"]
    return learner


def learned(learner: TDLearner) -> dict[str, npt.NDArray[Any]]:
    """Return ``indices``, ``weights`` and ``coherence`` of the weights that were ever updated (see above), copies."""
    accumulators = learner.coherence.reshape(-1, 2)
    indices = np.flatnonzero(accumulators[:, 1] != 0).astype(np.uint32)  # A_i > 0 from the first update on
    return {"indices": indices, "weights": learner.weights[indices], "coherence": accumulators[indices]}


def put_back(learner: TDLearner, tensors: dict[str, npt.NDArray[Any]]) -> None:
    """Give what `learned` returned to a learner that has learned nothing yet."""
    learner.weights[tensors["indices"]] = tensors["weights"]
    learner.coherence.reshape(-1, 2)[tensors["indices"]] = tensors["coherence"]


def load_agent(folder: Path) -> NTupleAgent:
    """Load what is needed to play.

    Raises
    ------
    NoCheckpointError, CheckpointError
        As `load_learner`.
    """
    header, tensors = _read(folder, ("indices", "weights"))
    network = network_of(header)
    weights = np.zeros(network.n_weights, np.float32)
    weights[tensors["indices"]] = tensors["weights"]
    values = Values(network, weights, initial=header["settings"]["initial"])
    return NTupleAgent(values, name=f"n-tuple {network.name}, {header['games']:,} games")


def network_of(header: dict[str, Any]) -> Network:
    """Return the network that a header describes."""
    shape = header["network"]
    return Network(tuple(shape["patterns"]), tuple(shape["counts"]), tuple(shape["stage_tiles"]))


def _read(folder: Path, names: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Read the header and some tensors, and check that they fit each other and this network."""
    path = folder / FILE_NAME
    if not path.is_file():
        raise NoCheckpointError(f"no model in {folder}: there is no {FILE_NAME} (train one with: game2048 train)")
    try:
        with safe_open(path, framework="numpy") as file:
            saved = json.loads((file.metadata() or {}).get("game2048", "{}"))
            header = _checked_header(path, saved)
            tensors = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, ValueError, OSError) as error:
        raise CheckpointError(f"{path} is damaged or not a checkpoint: {error}") from error
    _check_tensors(path, tensors, network_of(header).n_weights)
    return header, tensors if saved["version"] == VERSION else _upgraded(tensors)


def _upgraded(tensors: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """Return the tensors of a checkpoint of version 1 as they are now; its random state stays."""
    learned = {name: tensors[name] for name in ("weights", "coherence") if name in tensors}
    indices, learned = checkpoint_v1.upgraded_tensors(tensors["indices"], learned)
    return {**tensors, **learned, "indices": indices}


def _checked_header(path: Path, header: Any) -> dict[str, Any]:
    """Return the header, which may be of version 1, as of this version."""
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise CheckpointError(f"{path} is not a checkpoint of a {FORMAT} network")
    if header.get("version") == checkpoint_v1.VERSION:
        header = checkpoint_v1.upgraded_header(header)
    if header.get("version") != VERSION:
        raise CheckpointError(f"{path} has format version {header.get('version')}, this program reads {VERSION}")
    try:
        network_of(header)
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: the network is none: {error!r}") from error
    for count in ("seed", "games", "episodes", "moves"):
        if type(header.get(count)) is not int or header[count] < 0:
            raise CheckpointError(f"{path}: {count} must be a count, got {header.get(count)!r}")
    return header


def _check_tensors(path: Path, tensors: dict[str, npt.NDArray[Any]], n_weights: int) -> None:
    n = tensors["indices"].size
    expected: dict[str, tuple[type, tuple[int, ...]]] = {
        "indices": (np.uint32, (n,)),
        "weights": (np.float32, (n,)),
        "coherence": (np.float32, (n, 2)),
        "rng": (np.uint64, (tensors["rng"].size,) if "rng" in tensors else (1,)),
    }
    for name, tensor in tensors.items():
        dtype, shape = expected[name]
        if tensor.dtype != dtype or tensor.shape != shape:
            raise CheckpointError(
                f"{path}: tensor {name} must be {np.dtype(dtype)} of shape {shape}, got {tensor.dtype} {tensor.shape}"
            )
        if tensor.dtype == np.float32 and not np.isfinite(tensor).all():
            raise CheckpointError(f"{path}: tensor {name} holds values that are not finite")
    if n and int(tensors["indices"].max()) >= n_weights:
        raise CheckpointError(f"{path}: tensor indices must be below {n_weights}, got {tensors['indices'].max()}")
