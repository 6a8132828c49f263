"""Trained players from the folders of their runs; what kind of player it is, the files tell."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from agents.checkpoint import FILE_NAME, FORMAT, agent_of, load_agent
from agents.compact import load_compact
from agents.errors import CheckpointError
from agents.ntuple import NTupleAgent
from agents.policy.agent import Mode, PolicyAgent
from agents.policy.checkpoint import load_network
from nets.checkpoint import FILE_NAME as MODEL_NAME
from nets.checkpoint import read_notes
from nets.errors import NetsError


def load_player(folder: Path) -> NTupleAgent | PolicyAgent:
    """Load what a training run left behind, an n-tuple network or a policy; or the file of a compact network.

    Raises
    ------
    NoCheckpointError
        If the folder holds neither.
    CheckpointError
        If the file is damaged, or of something else.
    """
    if folder.is_file():
        return agent_of(*load_compact(folder))
    if holds_ntuple_network(folder) or not (folder / MODEL_NAME).is_file():
        return load_agent(folder)
    return load_policy(folder)


def load_policy(folder: Path, *, mode: Mode = "greedy", symmetric: bool = False) -> PolicyAgent:
    """Load the policy of a run; how it plays, see `PolicyAgent`.

    Raises
    ------
    NoCheckpointError, CheckpointError
        As `load_player`.
    """
    network = load_network(folder)
    notes = policy_notes(folder)
    settings = network.settings
    name = f"policy {settings.body}"
    if settings.body != "ntuple":  # which has no layers
        name += f" {settings.width}x{settings.depth}"
        name += ", n-tuples" if settings.inputs == "tuples" else ""
        name += ", reads afterstates" if settings.reads == "afterstates" else ""
    if isinstance(notes.get("steps"), int):
        name += f", {notes['steps']:,} steps"
    return PolicyAgent(network, mode=mode, symmetric=symmetric, name=name)


def policy_notes(folder: Path) -> dict[str, Any]:
    """Return what was noted with the policy of a run."""
    try:
        return read_notes(folder / MODEL_NAME)
    except NetsError as error:
        raise CheckpointError(str(error)) from error


def holds_ntuple_network(folder: Path) -> bool:
    """Return whether the checkpoint of a folder says that it is of an n-tuple network."""
    try:
        with safe_open(folder / FILE_NAME, framework="numpy") as file:
            header = json.loads((file.metadata() or {}).get("game2048", "null"))
    except (SafetensorError, ValueError, OSError):
        return False
    return isinstance(header, dict) and header.get("format") == FORMAT
