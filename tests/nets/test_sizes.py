"""Whole models of ordinary size: both back ends agree, step after step, with memory that is used again."""

import gc

import numpy as np
import pytest

import nets
from nets import functional as F


def some(*shape, seed=0):
    return np.random.default_rng(seed).normal(0, 1, shape)


def image_model():
    return nets.Sequential(
        nets.Conv2d(1, 16, 3, padding=1, activation="relu"),
        nets.BatchNorm2d(16),
        nets.MaxPool2d(2),
        nets.Conv2d(16, 32, 3, stride=2, padding=1),
        nets.GroupNorm(4, 32),
        nets.GELU(),
        nets.ConvTranspose2d(32, 16, 4, stride=2, padding=1, activation="tanh"),
        nets.AvgPool2d(2),
        nets.Upsample(2),
        nets.Conv2d(16, 16, 3, groups=16, activation="silu"),
        nets.GlobalAvgPool2d(),
        nets.Linear(16, 10),
    )


MODELS = {
    "mlp": (
        lambda: nets.Sequential(
            nets.Linear(784, 256, activation="relu"),
            nets.Linear(256, 128, activation="sigmoid"),
            nets.LayerNorm(128),
            nets.Linear(128, 64, activation="softplus"),
            nets.Linear(64, 10, activation="leaky_relu"),
        ),
        (128, 784),
    ),
    "images": (image_model, (12, 1, 28, 28)),
    "rnn": (lambda: nets.Sequential(nets.RNN(28, 64), nets.LastStep(), nets.Linear(64, 10)), (28, 64, 28)),
    "gru": (
        lambda: nets.Sequential(nets.GRU(28, 48, bidirectional=True), nets.LastStep(), nets.Linear(96, 10)),
        (28, 64, 28),
    ),
    "lstm": (
        lambda: nets.Sequential(nets.LSTM(28, 64, num_layers=2), nets.LastStep(), nets.Linear(64, 10)),
        (28, 64, 28),
    ),
    "transformer": (
        lambda: nets.Sequential(
            nets.TransformerBlock(64, 4), nets.Lambda(lambda x: x.mean(1)), nets.Linear(64, 10, activation="tanh")
        ),
        (16, 64, 64),
    ),
}


def train(name, dtype, steps=3):
    """Return the losses, the last gradients and the weights of some steps, and outputs that were kept meanwhile."""
    make, shape = MODELS[name]
    nets.manual_seed(0)
    model = make().to(dtype)
    optimizer = nets.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    n = shape[1] if name in ("rnn", "gru", "lstm") else shape[0]
    losses, kept, copies = [], [], []
    for step in range(steps):
        x = nets.Tensor(some(*shape, seed=step).astype(dtype), requires_grad=True)
        y = model(x)
        loss = F.cross_entropy(y, (np.arange(n) + step) % 10)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        kept += [y, x.grad]
        copies += [y.numpy().copy(), x.grad.numpy().copy()]
    for tensor, copy in zip(kept, copies, strict=True):
        np.testing.assert_array_equal(tensor.numpy(), copy)  # nobody else wrote into this memory
    return losses, [p.grad.numpy() for p in model.parameters()], model.state_dict(), copies


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", MODELS)
def test_back_ends_agree_step_after_step(name, dtype):
    results = {}
    for backend in ("numpy", "numba"):
        with nets.use(backend):
            results[backend] = train(name, dtype)

    rtol, atol = (2e-3, 2e-5) if dtype == np.float32 else (1e-8, 1e-11)
    expected, found = results["numpy"], results["numba"]
    np.testing.assert_allclose(found[0], expected[0], rtol, atol)
    for a, b in zip([*found[1], *found[3]], [*expected[1], *expected[3]], strict=True):
        np.testing.assert_allclose(a, b, rtol, atol)
    for key, value in expected[2].items():
        np.testing.assert_allclose(found[2][key], value, rtol, atol, err_msg=key)


@pytest.mark.parametrize("name", MODELS)
def test_a_run_repeats_bit_for_bit(name):
    first, second = train(name, np.float32, 2), train(name, np.float32, 2)

    for a, b in zip([*first[1], *first[3]], [*second[1], *second[3]], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", MODELS)
def test_backward_changes_nothing_but_gradients(name):
    make, shape = MODELS[name]
    nets.manual_seed(0)
    model = make()
    x = nets.Tensor(some(*shape).astype(np.float32), requires_grad=True)
    y = model(x)
    slope = some(*y.shape, seed=1).astype(np.float32)
    before = [array.copy() for array in (x.numpy(), y.numpy(), slope)]
    slopes = []
    for retain in (True, False):
        model.zero_grad()
        x.zero_grad()
        y.backward(slope, retain_graph=retain)
        slopes.append([t.grad.numpy().copy() for t in (x, *model.parameters())])

    for a, b in zip([*slopes[0], *before], [*slopes[1], x.numpy(), y.numpy(), slope], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", MODELS)
def test_layouts_of_the_input_do_not_matter(name):
    make, shape = MODELS[name]
    nets.manual_seed(0)
    model = make().eval()
    x = some(*shape).astype(np.float32)
    wide = np.zeros((*shape[:-1], 2 * shape[-1]), np.float32)
    wide[..., ::2] = x
    slopes = []
    for layout in (x, np.asfortranarray(x), wide[..., ::2], np.ascontiguousarray(x[::-1])[::-1]):
        given = nets.Tensor(layout, requires_grad=True)
        (model(given) ** 2).sum().backward()
        slopes.append(given.grad.numpy())

    for slope in slopes[1:]:
        np.testing.assert_allclose(slope, slopes[0], 1e-3, 1e-5)


def test_memory_of_the_pool_does_not_grow_from_step_to_step():
    make, shape = MODELS["images"]
    model = make()
    optimizer = nets.optim.Adam(model.parameters())
    x, y = some(*shape).astype(np.float32), np.arange(shape[0]) % 10
    gc.disable()
    try:
        with nets.use("numba") as ops:
            sizes = []
            for _ in range(4):
                optimizer.zero_grad()
                F.cross_entropy(model(x), y).backward()
                optimizer.step()
                sizes.append(ops.pool.lent)
    finally:
        gc.enable()

    assert sizes[-1] == sizes[1]
