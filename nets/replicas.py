"""Two threads used well: copies of a network that share its weights, one copy a thread.

BLAS and our kernels release the interpreter's lock, so threads that work on parts of the same batch run side by side.
Each replica's parameters are the very arrays of the network, only the gradients are its own. They are summed in the
order of the replicas: the result depends on the number of threads, never on which thread was faster.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from itertools import pairwise
from typing import Any, TypeVar

from nets.layers.module import Module
from nets.tensor import Tensor

Part = TypeVar("Part")
Result = TypeVar("Result")


class Replicas:
    """Copies of a network, one a thread; the first is the network itself.

    Parameters
    ----------
    network : Module
        Its weights serve all.
    n_threads : int
        At least 1.
    """

    def __init__(self, network: Module, n_threads: int) -> None:
        if n_threads < 1:
            raise ValueError(f"n_threads must be at least 1, got {n_threads}")
        self.network = network
        self.networks = [network, *(deepcopy(network) for _ in range(n_threads - 1))]
        self._pool = ThreadPoolExecutor(n_threads - 1) if n_threads > 1 else None

    @property
    def n_threads(self) -> int:
        """Number of threads."""
        return len(self.networks)

    def map(self, function: Callable[[Any, Part], Result], parts: Sequence[Part]) -> list[Result]:
        """Return ``function(replica, part)`` for each part, at most one a thread."""
        if len(parts) > self.n_threads:
            raise ValueError(f"parts must be at most {self.n_threads}, one a thread, got {len(parts)}")
        self._share()
        futures = (
            []
            if self._pool is None
            else [
                self._pool.submit(function, network, part)
                for network, part in zip(self.networks[1:], parts[1:], strict=False)
            ]
        )
        first = function(self.networks[0], parts[0])
        return [first, *(future.result() for future in futures)]

    def gradients(self, function: Callable[[Any, Part], tuple[Tensor, Result]], parts: Sequence[Part]) -> list[Result]:
        """Add the gradients of each part's loss to those of the network; return the other results.

        Parameters
        ----------
        function : callable
            (replica, part) -> (loss, anything). The losses of all parts are summed: divide by the size of the batch.
        parts : sequence
            At most one a thread.
        """

        def work(network: Any, part: Part) -> Result:
            loss, result = function(network, part)
            loss.backward()
            return result

        for network in self.networks[1:]:
            for parameter in network.parameters():  # what else a module keeps until a step is not ours to forget
                parameter.zero_grad()
        results = self.map(work, parts)
        for network in self.networks[1 : len(parts)]:
            for parameter, other in zip(self.network.parameters(), network.parameters(), strict=True):
                if other._grad is not None:
                    parameter._accumulate(other._grad)
        return results

    def _share(self) -> None:
        """Let all replicas look at the weights of the network, wherever its optimiser put them."""
        for network in self.networks[1:]:
            for parameter, other in zip(self.network.parameters(), network.parameters(), strict=True):
                other._data = parameter._data


def shares(n: int, n_threads: int) -> list[slice]:
    """Cut n things into one slice a thread.

    >>> shares(5, 2)
    [slice(0, 3, None), slice(3, 5, None)]
    """
    bounds = [-(-n * i // n_threads) for i in range(n_threads + 1)]
    return [slice(a, b) for a, b in pairwise(bounds) if b > a]
