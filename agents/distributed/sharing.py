"""Agents for other processes: the tables of n-tuple networks once a machine, in memory that its processes share.

Ray keeps arrays in shared memory, which its workers map but must not write to. Kernels are compiled for arrays that can
be written to, so the weights are handed to them as such; no kernel that plays writes to them. All else in an agent, its
buffers for example, is copied for each process.
"""

import copy
import ctypes
import io
import pickle
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from agents.base import Agent
from agents.ntuple import Values


class Packed(NamedTuple):
    """An agent on its way.

    Attributes
    ----------
    rest : bytes
        All but the weights of n-tuple networks, as a pickle.
    weights : list of ndarray
        The weights of each network.
    """

    rest: bytes
    weights: list[npt.NDArray[Any]]


def pack(agent: Agent, pickler: type[pickle.Pickler] = pickle.Pickler) -> Packed:
    """Take an agent apart; Ray's ``pickler`` can pack functions that are defined within others."""
    networks: list[Values] = []

    class Packer(pickler):  # type: ignore[misc, valid-type]
        def persistent_id(self, thing: Any) -> int | None:
            if not isinstance(thing, Values):
                return None
            if not any(thing is network for network in networks):
                networks.append(thing)
            return next(i for i, network in enumerate(networks) if network is thing)

    rest = io.BytesIO()
    Packer(rest, protocol=5).dump(agent)
    shells = [copy.copy(network) for network in networks]
    for shell in shells:
        del shell.weights
    return Packed(pickle.dumps((rest.getvalue(), shells)), [network.weights for network in networks])


def unpack(packed: Packed) -> Agent:
    """Put an agent together, with the weights where they are; ``packed`` must live as long as the agent."""
    rest, networks = pickle.loads(packed.rest)  # noqa: S301 - from the machine that commands this one
    for network, weights in zip(networks, packed.weights, strict=True):
        network.weights = writable_view(weights)

    class Unpacker(pickle.Unpickler):
        def persistent_load(self, number: int) -> Values:
            values: Values = networks[number]
            return values

    agent: Agent = Unpacker(io.BytesIO(rest)).load()
    return agent


def writable_view(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the same memory as an array that claims to be writable; it does not keep the memory alive."""
    memory = (ctypes.c_uint8 * array.nbytes).from_address(array.ctypes.data)
    view: npt.NDArray[Any] = np.frombuffer(memoryview(memory).cast("B"), array.dtype).reshape(array.shape)
    return view
