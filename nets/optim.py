"""Optimisers, in order of complexity, after ``torch.optim``.

The rules themselves are in `nets.backends.reference.optimization`, one function each.

>>> import nets
>>> model = nets.Linear(2, 1)
>>> optimizer = nets.optim.Adam(model.parameters(), lr=0.01)
>>> loss = nets.functional.mse_loss(model([[1.0, 2.0]]), [[3.0]])
>>> optimizer.zero_grad()
>>> loss.backward()
>>> optimizer.step()
"""

import math
from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from nets.arena import EVERYTHING, Arena
from nets.backends import backend
from nets.backends.reference.base import Array
from nets.errors import ArgumentError, CheckpointError, DtypeError
from nets.tensor import Tensor


class Optimizer:
    """Base: parameters in arenas, one for each dtype, and the numbers that the rule keeps for each of them.

    Parameters
    ----------
    parameters : iterable of Tensor
        Leaves of floats; their memory moves into an arena. One without a gradient stays as it is.
    lr : float
        Learning rate, positive; schedules change it.

    Attributes
    ----------
    lr : float
        The learning rate of the next step.
    steps : int
        Steps done; a parameter that had no gradient in some of them took fewer.
    """

    _kept: tuple[str, ...] = ()
    """Names of the arrays that the rule keeps, each with a number for every parameter."""

    def __init__(self, parameters: Iterable[Tensor], lr: float) -> None:
        self.parameters = _distinct(parameters)
        for parameter in self.parameters:
            if parameter.dtype.kind != "f":
                raise DtypeError(f"parameters must be tensors of floats, got dtype {parameter.dtype}")
        _check("lr", lr, lr > 0 and math.isfinite(lr), "positive")
        self.lr = lr
        self.steps = 0
        dtypes = dict.fromkeys(parameter.dtype for parameter in self.parameters)
        self._arenas = [Arena([p for p in self.parameters if p.dtype == dtype]) for dtype in dtypes]
        xp = backend().xp
        self._state = [{name: xp.zeros_like(arena.values) for name in self._kept} for arena in self._arenas]

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self.parameters:
            parameter._grad = None

    def step(self) -> None:
        """Change the parameters that have a gradient, by the rule."""
        self.steps += 1
        for arena, state in zip(self._arenas, self._state, strict=True):
            for part, missed in arena.parts():
                t = self.steps - missed
                if part is EVERYTHING:
                    self._update(arena.values, arena.grads, state, t)
                else:
                    views = {name: array[part] for name, array in state.items()}
                    self._update(arena.values[part], arena.grads[part], views, t)
            arena.touched()

    def _update(self, w: Array, grad: Array, state: dict[str, Array], t: int) -> None:
        """Apply the rule to flat arrays, in place; for these parameters it is the t-th time."""
        raise NotImplementedError

    # --- saving ---

    def state_dict(self) -> dict[str, npt.NDArray[Any]]:
        """Return all that ``step`` depends on beside parameters and settings, as arrays.

        ``rule`` (the name of the class, in bytes), ``steps`` and ``lr``; then for the i-th dtype of the parameters
        ``i.shapes``, a row for each parameter that ends in -1 where others have more axes, ``i.steps``, which each
        parameter took, and the flat arrays that the rule keeps.
        """
        state = {"rule": _letters(type(self).__name__), "steps": np.asarray(self.steps), "lr": np.asarray(self.lr)}
        for i, (arena, arrays) in enumerate(zip(self._arenas, self._state, strict=True)):
            state[f"{i}.shapes"] = _rows([parameter.shape for parameter in arena.parameters])
            state[f"{i}.steps"] = self.steps - np.array(arena.missed)
            for name, array in arrays.items():
                state[f"{i}.{name}"] = np.array(backend().to_numpy(arena.export(array)))
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state_dict` was called.

        Raises
        ------
        CheckpointError
            If it is the state of another rule, or of parameters of other shapes; nothing changes then.
        """
        own = self.state_dict()
        rule = np.asarray(state.get("rule", own["rule"])).tobytes().decode(errors="replace")
        if rule != type(self).__name__:
            raise CheckpointError(f"the state does not fit {type(self).__name__}: it is of {rule}")
        if state.keys() != own.keys():
            raise CheckpointError(f"the state does not fit {rule}: {sorted(state.keys() ^ own.keys())}")
        given = {name: np.asarray(value) for name, value in state.items()}
        for i, arena in enumerate(self._arenas):
            _check_shapes(given[f"{i}.shapes"], own[f"{i}.shapes"], arena.values.dtype)
        for name, array in own.items():
            have, kinds = given[name], "fiu" if name == "lr" else "f" if array.dtype.kind == "f" else "iu"
            if have.dtype.kind not in kinds:
                raise CheckpointError(f"tensor {name}: the state has dtype {have.dtype}, the optimiser {array.dtype}")
            if have.shape != array.shape:
                raise CheckpointError(
                    f"tensor {name}: the state has shape {have.shape}, the optimiser has {array.shape}"
                )
        steps, lr = int(given["steps"]), float(given["lr"])
        missed = [(steps - given[f"{i}.steps"]).tolist() for i in range(len(self._arenas))]
        if not math.isfinite(lr) or any(not 0 <= m <= steps for counts in missed for m in counts):
            raise CheckpointError(f"the state does not fit {rule}: its learning rate or its counts of steps are wrong")
        self.steps, self.lr = steps, lr
        for i, (arena, arrays) in enumerate(zip(self._arenas, self._state, strict=True)):
            arena.missed = missed[i]
            for name, array in arrays.items():
                arena.restore(array, backend().asarray(given[f"{i}.{name}"], array.dtype))


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum and weight decay.

    v = momentum v + g + weight_decay w;  w -= lr v, or lr (g + momentum v) with Nesterov's momentum.

    Parameters
    ----------
    parameters, lr
        As in `Optimizer`.
    momentum : float
        In [0, 1).
    nesterov : bool
        Look ahead along the momentum; I. Sutskever et al., ICML 2013, section 2, in PyTorch's form.
    weight_decay : float
        Not negative.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float = 1e-3,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        _check("momentum", momentum, 0 <= momentum < 1, "in [0, 1)")
        _check("weight_decay", weight_decay, weight_decay >= 0, "at least 0")
        if nesterov and not momentum:
            raise ArgumentError("nesterov needs a positive momentum, got 0")
        self.momentum, self.nesterov, self.weight_decay = momentum, nesterov, weight_decay
        if momentum:
            self._kept = ("velocity",)
        super().__init__(parameters, lr)

    def _update(self, w: Array, grad: Array, state: dict[str, Array], t: int) -> None:
        backend().sgd_step(w, grad, state.get("velocity"), self.lr, self.momentum, self.nesterov, self.weight_decay)


class RMSProp(Optimizer):
    """Gradients divided by the root of their mean square; T. Hinton, lecture 6e of *Neural Networks*, 2012.

    s = alpha s + (1 - alpha) g^2;  w -= lr g / (sqrt(s) + eps).

    Parameters
    ----------
    parameters, lr
        As in `Optimizer`.
    alpha : float
        In [0, 1).
    eps : float
        Positive.
    momentum, weight_decay : float
        As in `SGD`; the momentum is one of the divided gradients.
    """

    _kept: tuple[str, ...] = ("square",)

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        _check("alpha", alpha, 0 <= alpha < 1, "in [0, 1)")
        _check("eps", eps, eps > 0, "positive")
        _check("momentum", momentum, 0 <= momentum < 1, "in [0, 1)")
        _check("weight_decay", weight_decay, weight_decay >= 0, "at least 0")
        self.alpha, self.eps, self.momentum, self.weight_decay = alpha, eps, momentum, weight_decay
        if momentum:
            self._kept = ("square", "velocity")
        super().__init__(parameters, lr)

    def _update(self, w: Array, grad: Array, state: dict[str, Array], t: int) -> None:
        velocity = state.get("velocity")
        settings = (self.lr, self.alpha, self.eps, self.momentum, self.weight_decay)
        backend().rmsprop_step(w, grad, state["square"], velocity, *settings)


RMSprop = RMSProp
"""PyTorch's spelling."""


class Adam(Optimizer):
    """Gradients' running mean divided by the root of their running mean square.

    D. Kingma, J. Ba, arXiv:1412.6980, Algorithm 1:  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;
    w -= lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps).

    Parameters
    ----------
    parameters, lr
        As in `Optimizer`.
    betas : (float, float)
        b1 and b2, both in [0, 1). t counts the steps in which the parameter had a gradient.
    eps : float
        Positive.
    weight_decay : float
        c; c w is added to the gradient. See `AdamW`.
    """

    _kept = ("mean", "square")
    _decoupled: ClassVar[bool] = False

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        if not isinstance(betas, tuple | list) or len(betas) != 2:
            raise ArgumentError(f"betas must be a pair of floats, got {betas!r}")
        for i, beta in enumerate(betas):
            _check(f"betas[{i}]", beta, 0 <= beta < 1, "in [0, 1)")
        _check("eps", eps, eps > 0, "positive")
        _check("weight_decay", weight_decay, weight_decay >= 0, "at least 0")
        self.betas, self.eps, self.weight_decay = betas, eps, weight_decay
        super().__init__(parameters, lr)

    def _update(self, w: Array, grad: Array, state: dict[str, Array], t: int) -> None:
        beta1, beta2 = self.betas
        backend().adam_step(
            w,
            grad,
            state["mean"],
            state["square"],
            self.lr,
            beta1,
            beta2,
            self.eps,
            1 - beta1**t,
            1 - beta2**t,
            self.weight_decay,
            self._decoupled,
        )


class AdamW(Adam):
    """`Adam` whose weight decay shrinks the weights themselves, w -= lr c w, not the gradient.

    I. Loshchilov, F. Hutter, arXiv:1711.05101, Algorithm 2. Parameters as in `Adam`.
    """

    _decoupled = True

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(parameters, lr, betas, eps, weight_decay)


# --- gradients ---


def clip_grad_norm_(parameters: Iterable[Tensor], max_norm: float) -> float:
    """Scale all gradients together so that their common L2 norm is at most ``max_norm``; return the norm before.

    R. Pascanu et al., arXiv:1211.5063, section 3.2. Gradients in the memory of an optimiser are scaled there; others
    are replaced, for their memory may be shared. Those that ``create_graph=True`` made keep their history, in which
    the scale is a constant.
    """
    _check("max_norm", max_norm, max_norm > 0, "positive")
    given = [p for p in _distinct(parameters) if p._grad is not None]
    norm = math.sqrt(float(sum(backend().square_sum(_array(p._grad)) for p in given)))
    if norm > max_norm:
        for parameter in given:
            if isinstance(parameter._grad, Tensor):
                parameter._grad = parameter._grad * (max_norm / norm)
            else:
                array = _own_gradient(parameter)
                array *= array.dtype.type(max_norm / norm)
    return norm


def clip_grad_value_(parameters: Iterable[Tensor], clip_value: float) -> None:
    """Bring every number of every gradient into [-clip_value, clip_value]; where, as in `clip_grad_norm_`."""
    _check("clip_value", clip_value, clip_value > 0, "positive")
    for parameter in _distinct(parameters):
        if isinstance(parameter._grad, Tensor):
            parameter._grad = parameter._grad.clip(-clip_value, clip_value)
        elif parameter._grad is not None:
            array = _own_gradient(parameter)
            backend().xp.clip(array, -clip_value, clip_value, out=array)


def _own_gradient(parameter: Tensor) -> Array:
    """Return the array of a gradient, which may be changed: nothing else has it, or it becomes a copy."""
    if parameter._grad is not parameter._slot:
        parameter._grad = parameter._grad.copy()
    return parameter._grad


def _array(grad: Any) -> Array:
    return grad.data if isinstance(grad, Tensor) else grad


def _letters(text: str) -> npt.NDArray[np.uint8]:
    return np.frombuffer(text.encode(), np.uint8)


def _rows(shapes: list[tuple[int, ...]]) -> npt.NDArray[np.int64]:
    width = max(1, *map(len, shapes)) if shapes else 1
    return np.array([[*shape, *[-1] * (width - len(shape))] for shape in shapes], np.int64)


def _check_shapes(have: npt.NDArray[Any], want: npt.NDArray[Any], dtype: npt.DTypeLike) -> None:
    """Compare the shapes of parameters, as `_rows` gives them; an error names the first that differ."""
    if have.ndim != 2 or have.dtype.kind != "i" or len(have) != len(want):
        n = len(have) if have.ndim else 0
        raise CheckpointError(f"the state is of {n} parameters of {dtype}, the optimiser has {len(want)}")
    for i, (row, own) in enumerate(zip(have, want, strict=True)):
        saved, present = (tuple(int(n) for n in lengths if n >= 0) for lengths in (row, own))
        if saved != present:
            raise CheckpointError(
                f"parameter {i} of those of {dtype}: the state has shape {saved}, the optimiser has {present}"
            )


def _distinct(parameters: Iterable[Tensor]) -> list[Tensor]:
    if isinstance(parameters, Tensor):
        raise ArgumentError("parameters must be an iterable of tensors, got one tensor")
    unique = list({id(p): p for p in parameters}.values())
    if not unique:
        raise ArgumentError("parameters must hold at least one tensor, got none")
    for parameter in unique:
        if not isinstance(parameter, Tensor) or not parameter.is_leaf:
            raise ArgumentError(f"parameters must be leaf tensors, got {parameter!r}")
    return unique


def _check(name: str, value: float, holds: bool, rule: str) -> None:
    if not holds:
        raise ArgumentError(f"{name} must be {rule}, got {value}")
