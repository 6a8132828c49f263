"""A neural-network engine from scratch: NumPy for the mathematics, Numba for the hot loops, nothing else.

>>> import numpy as np, nets
>>> _ = nets.manual_seed(1)
>>> model = nets.Sequential(nets.Linear(2, 8, activation="tanh"), nets.Linear(8, 1))
>>> optimizer = nets.optim.Adam(model.parameters(), lr=0.05)
>>> x, y = np.float32([[0, 0], [0, 1], [1, 0], [1, 1]]), np.float32([[0], [1], [1], [0]])
>>> for _ in range(200):
...     loss = nets.functional.binary_cross_entropy_with_logits(model(x), y)
...     optimizer.zero_grad()
...     loss.backward()
...     optimizer.step()
>>> (model(x).numpy() > 0).astype(int).ravel()
array([0, 1, 1, 0])

The names below load when first used; importing the package compiles nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nets import autograd, backends, checkpoint, data, functional, init, optim, schedules, testing, training
    from nets.autograd import grad, gradients, value_and_grad
    from nets.backends import backend, use
    from nets.checkpoint import load, save
    from nets.errors import (
        AnomalyError,
        ArgumentError,
        BackendError,
        CheckpointError,
        CorruptDataError,
        DataError,
        DtypeError,
        GraphError,
        MissingDataError,
        NetsError,
        ShapeError,
    )
    from nets.graph import detect_anomaly, enable_grad, is_grad_enabled, no_grad
    from nets.layers import (
        GELU,
        GRU,
        LSTM,
        RNN,
        Add,
        AvgPool2d,
        BatchNorm1d,
        BatchNorm2d,
        Buffer,
        Concatenate,
        Conv2d,
        ConvTranspose2d,
        Dense,
        Dropout,
        Embedding,
        Flatten,
        GlobalAvgPool2d,
        GroupNorm,
        Identity,
        Lambda,
        LastStep,
        LayerNorm,
        LeakyReLU,
        Linear,
        MaxPool2d,
        Module,
        ModuleList,
        MultiheadAttention,
        Multiply,
        Parallel,
        Parameter,
        ReLU,
        Reshape,
        Residual,
        Sequential,
        Sigmoid,
        SiLU,
        Softmax,
        Softplus,
        Split,
        Swish,
        Tanh,
        TransformerBlock,
        Upsample,
    )
    from nets.ops import cat, maximum, minimum, stack, where
    from nets.random import get_rng_state, manual_seed, set_rng_state
    from nets.schedules import EMA
    from nets.summaries import summary
    from nets.tensor import Tensor

_MODULES = frozenset(
    {
        "autograd",
        "backends",
        "checkpoint",
        "data",
        "functional",
        "init",
        "optim",
        "schedules",
        "testing",
        "training",
    }
)
_HOMES = {
    "Add": "nets.layers",
    "AnomalyError": "nets.errors",
    "ArgumentError": "nets.errors",
    "AvgPool2d": "nets.layers",
    "BackendError": "nets.errors",
    "BatchNorm1d": "nets.layers",
    "BatchNorm2d": "nets.layers",
    "Buffer": "nets.layers",
    "CheckpointError": "nets.errors",
    "Concatenate": "nets.layers",
    "Conv2d": "nets.layers",
    "ConvTranspose2d": "nets.layers",
    "CorruptDataError": "nets.errors",
    "DataError": "nets.errors",
    "Dense": "nets.layers",
    "Dropout": "nets.layers",
    "DtypeError": "nets.errors",
    "EMA": "nets.schedules",
    "Embedding": "nets.layers",
    "Flatten": "nets.layers",
    "GELU": "nets.layers",
    "GRU": "nets.layers",
    "GlobalAvgPool2d": "nets.layers",
    "GraphError": "nets.errors",
    "GroupNorm": "nets.layers",
    "Identity": "nets.layers",
    "LSTM": "nets.layers",
    "Lambda": "nets.layers",
    "LastStep": "nets.layers",
    "LayerNorm": "nets.layers",
    "LeakyReLU": "nets.layers",
    "Linear": "nets.layers",
    "MaxPool2d": "nets.layers",
    "MissingDataError": "nets.errors",
    "Module": "nets.layers",
    "ModuleList": "nets.layers",
    "MultiheadAttention": "nets.layers",
    "Multiply": "nets.layers",
    "NetsError": "nets.errors",
    "Parallel": "nets.layers",
    "Parameter": "nets.layers",
    "RNN": "nets.layers",
    "ReLU": "nets.layers",
    "Reshape": "nets.layers",
    "Residual": "nets.layers",
    "Sequential": "nets.layers",
    "ShapeError": "nets.errors",
    "SiLU": "nets.layers",
    "Sigmoid": "nets.layers",
    "Softmax": "nets.layers",
    "Softplus": "nets.layers",
    "Split": "nets.layers",
    "Swish": "nets.layers",
    "Tanh": "nets.layers",
    "Tensor": "nets.tensor",
    "TransformerBlock": "nets.layers",
    "Upsample": "nets.layers",
    "backend": "nets.backends",
    "cat": "nets.ops",
    "detect_anomaly": "nets.graph",
    "enable_grad": "nets.graph",
    "get_rng_state": "nets.random",
    "grad": "nets.autograd",
    "gradients": "nets.autograd",
    "is_grad_enabled": "nets.graph",
    "load": "nets.checkpoint",
    "manual_seed": "nets.random",
    "maximum": "nets.ops",
    "minimum": "nets.ops",
    "no_grad": "nets.graph",
    "save": "nets.checkpoint",
    "set_rng_state": "nets.random",
    "stack": "nets.ops",
    "summary": "nets.summaries",
    "use": "nets.backends",
    "value_and_grad": "nets.autograd",
    "where": "nets.ops",
}

__all__ = [
    "EMA",
    "GELU",
    "GRU",
    "LSTM",
    "RNN",
    "Add",
    "AnomalyError",
    "ArgumentError",
    "AvgPool2d",
    "BackendError",
    "BatchNorm1d",
    "BatchNorm2d",
    "Buffer",
    "CheckpointError",
    "Concatenate",
    "Conv2d",
    "ConvTranspose2d",
    "CorruptDataError",
    "DataError",
    "Dense",
    "Dropout",
    "DtypeError",
    "Embedding",
    "Flatten",
    "GlobalAvgPool2d",
    "GraphError",
    "GroupNorm",
    "Identity",
    "Lambda",
    "LastStep",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "MaxPool2d",
    "MissingDataError",
    "Module",
    "ModuleList",
    "MultiheadAttention",
    "Multiply",
    "NetsError",
    "Parallel",
    "Parameter",
    "ReLU",
    "Reshape",
    "Residual",
    "Sequential",
    "ShapeError",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Split",
    "Swish",
    "Tanh",
    "Tensor",
    "TransformerBlock",
    "Upsample",
    "autograd",
    "backend",
    "backends",
    "cat",
    "checkpoint",
    "data",
    "detect_anomaly",
    "enable_grad",
    "functional",
    "get_rng_state",
    "grad",
    "gradients",
    "init",
    "is_grad_enabled",
    "load",
    "manual_seed",
    "maximum",
    "minimum",
    "no_grad",
    "optim",
    "save",
    "schedules",
    "set_rng_state",
    "stack",
    "summary",
    "testing",
    "training",
    "use",
    "value_and_grad",
    "where",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"nets.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES, *_HOMES])
