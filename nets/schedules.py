"""What changes slowly beside the optimiser: learning rates over time, and an average of the weights.

A schedule is asked after every step (or epoch) and sets the optimiser's ``lr`` to its initial value times a factor.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from nets.backends import backend
from nets.errors import ArgumentError, CheckpointError
from nets.layers.module import Module
from nets.optim import Optimizer
from nets.tensor import Tensor


class Schedule:
    """Base: ``lr`` = initial lr * ``factor(t)`` after t calls of ``step``.

    Parameters
    ----------
    optimizer : Optimizer
        Whose ``lr`` is the initial one, and is set.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer, self.initial_lr, self.t = optimizer, optimizer.lr, 0
        self._set()

    def factor(self, t: int) -> float:
        """Return the learning rate after t calls of `step`, relative to the initial one."""
        raise NotImplementedError

    def step(self) -> None:
        """Set the learning rate of the next step."""
        self.t += 1
        self._set()

    def _set(self) -> None:
        self.optimizer.lr = self.initial_lr * self.factor(self.t)

    def state_dict(self) -> dict[str, Any]:
        """Return what `load_state_dict` needs."""
        return {"t": self.t, "initial_lr": self.initial_lr}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state_dict` was called."""
        self.t, self.initial_lr = int(state["t"]), float(state["initial_lr"])
        self._set()


class ConstantLR(Schedule):
    """The initial rate throughout."""

    def factor(self, t: int) -> float:
        """Return 1."""
        return 1.0


class StepLR(Schedule):
    """The rate times ``gamma`` after every ``step_size`` calls."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        _check_count("step_size", step_size)
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer)

    def factor(self, t: int) -> float:
        """Return gamma^(t // step_size)."""
        return float(self.gamma ** (t // self.step_size))


class CosineLR(Schedule):
    """Half a cosine from the initial rate to ``final`` of it; I. Loshchilov, F. Hutter, arXiv:1608.03983, equation 5.

    Parameters
    ----------
    optimizer : Optimizer
    n_steps : int
        Calls until the end; the rate stays there afterwards.
    warmup : int
        Calls during which the rate first rises in a line, from 1 / warmup of the initial rate.
    final : float
        In [0, 1].
    """

    def __init__(self, optimizer: Optimizer, n_steps: int, warmup: int = 0, final: float = 0.0) -> None:
        _check_count("n_steps", n_steps)
        if not 0 <= warmup < n_steps:
            raise ArgumentError(f"warmup must be in [0, n_steps) with n_steps = {n_steps}, got {warmup}")
        if not 0 <= final <= 1:
            raise ArgumentError(f"final must be in [0, 1], got {final}")
        self.n_steps, self.warmup, self.final = n_steps, warmup, final
        super().__init__(optimizer)

    def factor(self, t: int) -> float:
        """Return (t + 1) / warmup while warming up, then final + (1 - final) (1 + cos(pi progress)) / 2."""
        if t < self.warmup:
            return (t + 1) / self.warmup
        progress = min(1.0, (t - self.warmup) / (self.n_steps - self.warmup))
        return self.final + (1 - self.final) * 0.5 * (1 + math.cos(math.pi * progress))


class LinearWarmup(Schedule):
    """The rate rises in a line over ``n_steps`` calls, then stays, or goes on as another schedule says.

    Parameters
    ----------
    optimizer : Optimizer
    n_steps : int
        Calls until the full rate.
    after : Schedule, optional
        Made for the same optimiser; its factor at t - n_steps applies afterwards.
    """

    def __init__(self, optimizer: Optimizer, n_steps: int, after: Schedule | None = None) -> None:
        _check_count("n_steps", n_steps)
        self.n_steps, self.after = n_steps, after
        if after is not None:
            optimizer.lr = after.initial_lr
        super().__init__(optimizer)

    def factor(self, t: int) -> float:
        """Return (t + 1) / n_steps while warming up."""
        if t < self.n_steps:
            return (t + 1) / self.n_steps
        return 1.0 if self.after is None else self.after.factor(t - self.n_steps)


class EMA:
    """An exponential moving average of a module's weights, which is often better than the weights themselves.

    B. Polyak, A. Juditsky, 1992, doi:10.1137/0330046, averaged with forgetting: a = d a + (1 - d) w.

    Buffers of floats are averaged too, as by PyTorch's ``AveragedModel(use_buffers=True)``: the running statistics of
    batch normalisation belong to the weights under which they were measured, so averaged weights go with averaged
    statistics. (Exact ones would need another pass over the data.) Buffers of ints, as counts, stay the module's.

    Parameters
    ----------
    module : Module
        Whose parameters and buffers of floats are averaged.
    decay : float
        d in [0, 1); during the first steps it is (1 + t) / (10 + t) where that is smaller.

    Examples
    --------
    >>> import nets
    >>> model = nets.Linear(2, 1)
    >>> ema = nets.EMA(model, decay=0.999)
    >>> ema.update()  # after every optimiser step
    >>> with ema.applied():  # the averaged weights in the model
    ...     y = model([[1.0, 2.0]])
    """

    def __init__(self, module: Module, decay: float = 0.999) -> None:
        if not 0 <= decay < 1:
            raise ArgumentError(f"decay must be in [0, 1), got {decay}")
        self.module, self.decay, self.t = module, decay, 0
        self.averages = {name: tensor.data.copy() for name, tensor in _averaged(module)}

    def update(self) -> None:
        """Take in the present weights."""
        self.t += 1
        decay = min(self.decay, (1 + self.t) / (10 + self.t))
        for name, tensor in _averaged(self.module):
            backend().ema_step(self.averages[name].reshape(-1), tensor.data.reshape(-1), decay)

    def applied(self) -> "_Swapped":
        """Return a context in which the module has the averaged weights."""
        return _Swapped(self)

    def state_dict(self) -> dict[str, npt.NDArray[Any]]:
        """Return the averages and the count as NumPy arrays."""
        averages = {name: np.array(backend().to_numpy(array)) for name, array in self.averages.items()}
        return {"t": np.asarray(self.t), **averages}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state_dict` was called.

        Raises
        ------
        CheckpointError
            If it is the state of averages of another model; nothing changes then.
        """
        if state.keys() != {"t", *self.averages}:
            raise CheckpointError(f"the averages do not fit: {sorted(state.keys() ^ {'t', *self.averages})}")
        given = {name: np.asarray(value) for name, value in state.items()}
        for name, array in self.averages.items():
            have = given[name]
            if have.shape != array.shape:
                raise CheckpointError(f"tensor {name}: the state has shape {have.shape}, the model has {array.shape}")
            if have.dtype.kind != "f":
                raise CheckpointError(f"tensor {name}: the state has dtype {have.dtype}, the model has {array.dtype}")
        t = given.pop("t")
        if t.shape != () or t.dtype.kind not in "iu" or t < 0:
            raise CheckpointError(f"t must be a count of updates, got {t}")
        for name, array in self.averages.items():
            array[...] = backend().asarray(given[name], array.dtype)
        self.t = int(t)


def _averaged(module: Module) -> Iterator[tuple[str, Tensor]]:
    """Yield what `EMA` averages, each once, with dotted names."""
    yield from module.named_parameters()
    for name, buffer in module.named_buffers():
        if buffer.dtype.kind == "f":
            yield name, buffer


class _Swapped:
    """Exchanges a module's weights, and buffers of floats, with their averages, and back."""

    def __init__(self, ema: EMA) -> None:
        self.ema = ema

    def _exchange(self) -> None:
        for name, tensor in _averaged(self.ema.module):
            present = tensor.data.copy()
            tensor._data[...] = self.ema.averages[name]
            tensor._version[0] += 1
            self.ema.averages[name][...] = present

    def __enter__(self) -> Module:
        self._exchange()
        return self.ema.module

    def __exit__(self, *_: object) -> None:
        self._exchange()


def _check_count(name: str, value: int) -> None:
    if not isinstance(value, int | np.integer) or value < 1:
        raise ArgumentError(f"{name} must be a positive int, got {value!r}")
