"""The files of a run: one to play with, one to go on with.

==========================  ==========================================================================================
file                        content
==========================  ==========================================================================================
``model.safetensors``       the network, written by `nets.save`: enough to play, to watch, and to begin another run
``checkpoint.safetensors``  all that its learner depends on, for `load_learner`: weights, optimiser, games, random
                            streams, replay buffer
``settings.json``           how the run was set up, for people
==========================  ==========================================================================================

All of them are replaced as a whole (`nets.files`); nothing in them can run code.
"""

import dataclasses
from pathlib import Path
from typing import Any, Final

import nets
from agents.errors import CheckpointError, NoCheckpointError
from agents.policy import checkpoint_v1
from agents.policy.algorithms import learner_class
from agents.policy.games import Games
from agents.policy.learner import Learner
from agents.policy.network import NetworkConfig, PolicyNetwork
from agents.policy.unit import ValueUnit
from nets.checkpoint import FILE_NAME as MODEL_NAME
from nets.errors import NetsError
from nets.files import write_json
from nets.tensorfile import read_tensors, write_tensors

FILE_NAME: Final = "checkpoint.safetensors"
SETTINGS_NAME: Final = "settings.json"
FORMAT: Final = "game2048 policy"
VERSION: Final = 2


def save_learner(learner: Learner, folder: Path) -> None:
    """Save a learner and its network; what was there stays whole until the new file is on disk.

    The network is saved with its averaged weights, where there are any.

    Raises
    ------
    CheckpointError, OSError
        If a file cannot be written, on a full disk for example.
    """
    tensors, state = learner.state_dict()
    header = {
        "format": FORMAT,
        "version": VERSION,
        "algorithm": learner.algorithm,
        "settings": dataclasses.asdict(learner.settings),
        "state": state,
    }
    notes = {
        "algorithm": learner.algorithm,
        "seed": learner.settings.seed,
        "steps": learner.steps,
        **ValueUnit.of(learner.settings).to_notes(),
    }
    try:
        write_tensors(folder / FILE_NAME, tensors, header)
        if learner.ema is None:
            nets.save(learner.network, folder / MODEL_NAME, notes=notes)
        else:
            with learner.ema.applied():
                nets.save(learner.network, folder / MODEL_NAME, notes=notes)
    except NetsError as error:
        raise CheckpointError(str(error)) from error


def load_learner(folder: Path, games: Games | None = None) -> Learner:
    """Load a learner that goes on exactly where the saved one stopped.

    Parameters
    ----------
    folder : Path
        Of the run.
    games : Games, optional
        Where the saved one played, if not on boards of 2048.

    Raises
    ------
    NoCheckpointError
        If there is no checkpoint in ``folder``.
    CheckpointError
        If it is damaged, of another version, or of something else than a policy.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        raise NoCheckpointError(f"no run in {folder}: there is no {FILE_NAME} (train one with: game2048 train)")
    try:
        tensors, header = read_tensors(path)
    except NetsError as error:
        raise CheckpointError(str(error)) from error
    if header is None or header.get("format") != FORMAT:
        raise CheckpointError(f"{path} is not a checkpoint of a {FORMAT}")
    if header.get("version") not in (VERSION, checkpoint_v1.VERSION):
        raise CheckpointError(f"{path} has format version {header.get('version')}, this program reads {VERSION}")
    try:
        if header["version"] == checkpoint_v1.VERSION:
            tensors, header = checkpoint_v1.upgraded_learner(tensors, header)
        chosen = learner_class(header["algorithm"])
        learner = chosen(settings_from(chosen, header["settings"]), games)
        learner.load_state_dict(tensors, header["state"])
    except (NetsError, KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(f"{path} is damaged: {error!r}") from error
    return learner


def settings_from(algorithm: type[Learner], saved: dict[str, Any]) -> Any:
    """Return settings of an algorithm from what `dataclasses.asdict` made of them."""
    return algorithm.Settings(**{**saved, "network": NetworkConfig(**saved["network"])})


def load_network(folder: Path) -> PolicyNetwork:
    """Load the network of a run, to begin another one with.

    Raises
    ------
    NoCheckpointError
        If there is none.
    CheckpointError
        If the file is damaged, or of another kind of model.
    """
    path = folder / MODEL_NAME
    if not path.is_file():
        raise NoCheckpointError(f"no network in {folder}: there is no {MODEL_NAME}")
    try:
        network = nets.load(path)
    except NetsError as error:
        raise CheckpointError(str(error)) from error
    if not isinstance(network, PolicyNetwork):
        raise CheckpointError(f"{path} is not a policy, but a {type(network).__name__}")
    return network


def write_settings(learner: Learner, folder: Path) -> None:
    """Write ``settings.json``."""
    write_json(folder / SETTINGS_NAME, {"algorithm": learner.algorithm, **dataclasses.asdict(learner.settings)})
