"""Policies whose n-tuple tables were saved in the order of version 1, converted (see `agents.checkpoint_v1`).

Then the tensor that says which weights there are was called ``rows``; now it is ``places``. Files of networks have no
version of their own kind, so the name tells. Policies without n-tuple tables or critic are as they were.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agents.checkpoint_v1 import upgraded_tensors

VERSION: Final = 1
OLD_NAME: Final = "n-tuple 4x6+2x4"
NEW_NAME: Final = "n-tuple 4x6+lines"

Tensors = dict[str, npt.NDArray[Any]]


def upgraded_tables(state: Tensors) -> Tensors:
    """Return tables of an n-tuple policy with ``places`` in place of ``rows``; ``squares``, if there are any, too."""
    places, others = upgraded_tensors(state["rows"], {name: state[name] for name in state.keys() - {"rows"}})
    return {"places": places, **others}


def upgraded_learner(tensors: Tensors, header: dict[str, Any]) -> tuple[Tensors, dict[str, Any]]:
    """Return the tensors and the header of a learner as they are now."""
    tensors = dict(tensors)
    if header["settings"]["network"]["body"] == "ntuple":
        names = {"network.tables.rows": "rows", "network.tables.weights": "weights", "sparse.squares": "squares"}
        tables = upgraded_tables({short: tensors.pop(name) for name, short in names.items()})
        tensors["network.tables.places"] = tables["places"]
        tensors |= {name: tables[short] for name, short in names.items() if short in tables}
    if "critic.indices" in tensors:
        critic = {name: tensors[f"critic.{name}"] for name in ("weights", "coherence")}
        tensors["critic.indices"], critic = upgraded_tensors(tensors["critic.indices"], critic)
        tensors |= {f"critic.{name}": array for name, array in critic.items()}
        games, moves = tensors["critic.counts"]
        tensors["critic.counts"] = np.array([games, moves, games])
    state = dict(header["state"])
    if "teacher" in state:
        state["teacher"] = state["teacher"].replace(OLD_NAME, NEW_NAME)
    return tensors, {**header, "version": 2, "state": state}
