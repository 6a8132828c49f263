"""Operations, activations and losses agree with PyTorch in values and gradients."""

import math

import numpy as np
import pytest

import nets
from nets import functional as F
from nets import ops, schedules

torch = pytest.importorskip("torch")
TF = torch.nn.functional

pytestmark = pytest.mark.usefixtures("backend")


def some(*shape, seed=0):
    return np.random.default_rng(seed).normal(0, 1.5, shape)


def assert_alike(ours, theirs, *arrays, dtype=np.float64):
    """Compare the results of two functions, and the gradients of the sum of their squares."""
    close = {"rtol": 1e-9, "atol": 1e-11} if dtype == np.float64 else {"rtol": 2e-5, "atol": 2e-5}
    arrays = [a.astype(dtype) if a.dtype.kind == "f" else a for a in map(np.asarray, arrays)]
    mine = [nets.Tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
    others = [torch.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]

    y, expected = ours(*mine), theirs(*others)
    (y * y).sum().backward()
    (expected * expected).sum().backward()

    assert y.dtype == dtype
    assert y.shape == tuple(expected.shape)
    np.testing.assert_allclose(y.numpy(), expected.detach().numpy(), **close)
    for a, b in zip(mine, others, strict=True):
        if a.requires_grad:
            np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), **close)


ACTIVATIONS = {
    "sigmoid": (F.sigmoid, torch.sigmoid),
    "tanh": (F.tanh, torch.tanh),
    "relu": (F.relu, TF.relu),
    "leaky_relu": (lambda x: F.leaky_relu(x, 0.2), lambda x: TF.leaky_relu(x, 0.2)),
    "silu": (F.silu, TF.silu),
    "gelu": (F.gelu, TF.gelu),
    "gelu by tanh": (lambda x: F.gelu(x, "tanh"), lambda x: TF.gelu(x, approximate="tanh")),
    "softplus": (F.softplus, TF.softplus),
    "softmax": (lambda x: F.softmax(x, 0), lambda x: TF.softmax(x, 0)),
    "log_softmax": (F.log_softmax, lambda x: TF.log_softmax(x, -1)),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name, dtype):
    assert_alike(*ACTIVATIONS[name], 2 * some(5, 7), dtype=dtype)


LOSSES = {
    "mse": (F.mse_loss, TF.mse_loss),
    "l1": (F.l1_loss, TF.l1_loss),
    "huber": (lambda a, b, **o: F.huber_loss(a, b, 0.7, **o), lambda a, b, **o: TF.huber_loss(a, b, delta=0.7, **o)),
    "bce": (
        lambda a, b, **o: F.binary_cross_entropy_with_logits(a, F.sigmoid(b), **o),
        lambda a, b, **o: TF.binary_cross_entropy_with_logits(a, torch.sigmoid(b), **o),
    ),
    "kl": (
        lambda a, b, **o: F.gaussian_kl(a, b, **o),
        lambda a, b, reduction: getattr(
            torch.distributions.kl_divergence(
                torch.distributions.Normal(a, torch.exp(b / 2)), torch.distributions.Normal(0.0, 1.0)
            ),
            {"none": "clone"}.get(reduction, reduction),
        )(),
    ),
    "cross entropy with probabilities": (
        lambda a, b, **o: F.cross_entropy(a, F.softmax(b), 0.1, **o),
        lambda a, b, **o: TF.cross_entropy(a, torch.softmax(b, -1), label_smoothing=0.1, **o),
    ),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", LOSSES)
def test_losses(name, reduction, dtype):
    ours, theirs = LOSSES[name]

    assert_alike(
        lambda a, b: ours(a, b, reduction=reduction),
        lambda a, b: theirs(a, b, reduction=reduction),
        some(4, 3),
        some(4, 3, seed=1),
        dtype=dtype,
    )


@pytest.mark.parametrize("shape", [(6, 5), (3, 5, 4), (2, 5, 3, 2)], ids=str)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_cross_entropy_of_labels(shape, reduction, smoothing):
    labels = np.random.default_rng(0).integers(0, 5, (shape[0], *shape[2:]))
    options = {"label_smoothing": smoothing, "reduction": reduction}

    assert_alike(
        lambda z: F.cross_entropy(z, labels, **options),
        lambda z: TF.cross_entropy(z, torch.tensor(labels), **options),
        some(*shape),
    )


OPERATIONS = {
    "var": (lambda a: a.var(1), lambda a: a.var(1)),
    "std": (lambda a: a.std((0, 2), keepdim=True), lambda a: a.std((0, 2), keepdim=True)),
    "amax": (lambda a: a.max((0, 1)), lambda a: a.amax((0, 1))),
    "ties": (lambda a: ops.amax(a.clip(-0.1, 0.1), 1), lambda a: a.clamp(-0.1, 0.1).amax(1)),
    "logsumexp": (lambda a: a.logsumexp((1, 2)), lambda a: a.logsumexp((1, 2))),
    "clip": (lambda a: a.clip(-1, 0.5), lambda a: a.clamp(-1, 0.5)),
    "power": (lambda a: a**3, lambda a: a**3),
    "base": (lambda a: 2**a, lambda a: 2**a),
    "index": (lambda a: a[[0, 0, 1], :, -1], lambda a: a[[0, 0, 1], :, -1]),
    "chunk": (lambda a: ops.cat(a.chunk(2, 2)[::-1], 1), lambda a: torch.cat(a.chunk(2, 2)[::-1], 1)),
    "split": (lambda a: a.split([1, 2], 1)[1], lambda a: a.split([1, 2], 1)[1]),
    "expand": (lambda a: a[:1].expand(3, -1, 4), lambda a: a[:1].expand(3, -1, 4)),
    "flatten": (lambda a: a.flatten(0, 1), lambda a: a.flatten(0, 1)),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations(name):
    assert_alike(*OPERATIONS[name], some(2, 3, 4))


def test_embeddings_with_repeated_indices():
    indices = np.array([[0, 3, 3], [1, 0, 3]])

    assert_alike(lambda w: F.embedding(indices, w), lambda w: TF.embedding(torch.tensor(indices), w), some(4, 3))


def test_maximum_and_where_stretch_alike():
    a, b = some(3, 1), some(1, 4, seed=1)
    chosen = some(3, 4, seed=2) > 0

    assert_alike(ops.maximum, torch.maximum, a, b)
    assert_alike(lambda a, b: ops.where(chosen, a, b), lambda a, b: torch.where(torch.tensor(chosen), a, b), a, b)


def test_powers_of_zero_have_the_same_gradients():
    mine = [nets.Tensor([0.0, 0.0, 2.0], requires_grad=True), nets.Tensor([0.0, 2.0, 3.0], requires_grad=True)]
    others = [torch.tensor(t.tolist(), requires_grad=True) for t in mine]

    (mine[0] ** mine[1]).sum().backward()
    (others[0] ** others[1]).sum().backward()

    for a, b in zip(mine, others, strict=True):
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-6)


def test_second_derivatives():
    def double(grad, x):
        (first,) = grad((x.tanh() * x.exp()).sum(), [x], create_graph=True)
        (second,) = grad((first * first).sum(), [x])
        return second

    x = some(3, 2)

    ours = double(nets.gradients, nets.Tensor(x, requires_grad=True))
    theirs = double(torch.autograd.grad, torch.tensor(x, requires_grad=True))

    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-10)


def test_mixed_kinds_of_numbers_give_the_same_dtype():
    kinds = [np.float32(1.5), np.float64(1.5), np.int64(2), np.uint8(2), np.bool_(True)]
    for a in kinds:
        for b in kinds:
            if np.bool_ in (type(a), type(b)) and type(a) is type(b):
                continue  # NumPy and PyTorch agree to disagree on True - True
            ours = nets.Tensor(np.full(1, a)) * nets.Tensor(np.full(1, b))
            theirs = torch.tensor(np.full(1, a)) * torch.tensor(np.full(1, b))
            assert str(theirs.dtype) == f"torch.{ours.dtype}", (type(a), type(b))
        ours, theirs = nets.Tensor(np.full(1, a)) * 0.5, torch.tensor(np.full(1, a)) * 0.5
        assert str(theirs.dtype) == f"torch.{ours.dtype}", type(a)


@pytest.mark.parametrize("name", ["step", "cosine"])
def test_schedules(name):
    ours = nets.optim.SGD([nets.Parameter([1.0])], lr=0.5)
    theirs = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.5)
    mine, other = {
        "step": (
            lambda: schedules.StepLR(ours, 3, 0.2),
            lambda: torch.optim.lr_scheduler.StepLR(theirs, 3, 0.2),
        ),
        "cosine": (
            lambda: schedules.CosineLR(ours, 8),
            lambda: torch.optim.lr_scheduler.CosineAnnealingLR(theirs, 8),
        ),
    }[name]
    mine, other = mine(), other()

    for _ in range(8):
        theirs.step()
        mine.step()
        other.step()
        assert ours.lr == pytest.approx(theirs.param_groups[0]["lr"], abs=1e-9)


def test_clipping_by_the_common_norm():
    arrays = [some(3, 2), some(4, seed=1)]
    mine, others = [nets.Parameter(a) for a in arrays], [torch.nn.Parameter(torch.tensor(a).float()) for a in arrays]
    for ours, theirs, a in zip(mine, others, arrays, strict=True):
        ours.grad, theirs.grad = a, torch.tensor(a).float()

    norms = nets.optim.clip_grad_norm_(mine, 1.0), torch.nn.utils.clip_grad_norm_(others, 1.0).item()

    assert norms[0] == pytest.approx(norms[1], rel=1e-5)
    for ours, theirs in zip(mine, others, strict=True):
        np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), rtol=1e-5)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (lambda: nets.Linear(400, 300), lambda: torch.nn.Linear(400, 300)),
        (lambda: nets.Conv2d(40, 30, 3), lambda: torch.nn.Conv2d(40, 30, 3)),
        (lambda: nets.ConvTranspose2d(40, 30, 3), lambda: torch.nn.ConvTranspose2d(40, 30, 3)),
        (lambda: nets.LSTM(90, 100), lambda: torch.nn.LSTM(90, 100)),
        (lambda: nets.Embedding(300, 100), lambda: torch.nn.Embedding(300, 100)),
        (lambda: nets.MultiheadAttention(96, 4), lambda: torch.nn.MultiheadAttention(96, 4)),
        (lambda: nets.LayerNorm(50), lambda: torch.nn.LayerNorm(50)),
    ],
)
def test_default_weights_are_spread_alike(ours, theirs):
    state = theirs().state_dict()

    for name, array in ours().state_dict().items():
        other = state[name].numpy()
        n = math.sqrt(max(array.size, 1))
        assert array.std() == pytest.approx(other.std(), rel=0.02 + 2 / n, abs=1e-12), name
        assert abs(array).max() == pytest.approx(abs(other).max(), rel=0.3), name
