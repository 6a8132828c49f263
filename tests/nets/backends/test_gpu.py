"""The CuPy back end: on a GPU where there is one, else on a stand-in that refuses silent transfers."""

import importlib
import sys

import numpy as np
import pytest

import nets
from nets import functional as F
from nets import ops
from nets.backends import backend, load
from nets.errors import BackendError
from tests.nets.backends import fake_cupy


def real_gpu():
    try:
        return bool(importlib.import_module("cupy").cuda.is_available())
    except Exception:  # not installed, or installed where it cannot work
        return False


REAL = real_gpu()


@pytest.fixture
def cupy(monkeypatch):
    """Use the back end within a test; yields CuPy, or the stand-in."""
    if not REAL:
        install(monkeypatch, fake_cupy.modules())
    fake_cupy.READS.clear()
    with nets.use("cupy") as back:
        yield back.xp
    load.cache_clear()


def install(monkeypatch, modules):
    load.cache_clear()
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)


# --- without a GPU ---


def test_without_cupy_the_error_says_what_to_install(monkeypatch):
    install(monkeypatch, {"cupy": None})

    with pytest.raises(BackendError, match=r"needs CuPy.*pip install \"game2048\[cuda\]\""):
        nets.use("cupy")


def test_without_a_gpu_the_error_says_what_to_use_instead(monkeypatch):
    install(monkeypatch, fake_cupy.modules(available=False))

    with pytest.raises(BackendError, match=r"needs an NVIDIA GPU.*finds none here; use \"numba\""):
        nets.use("cupy")


def test_a_driver_that_fails_is_a_backend_error(monkeypatch):
    modules = fake_cupy.modules()

    def fail():
        raise RuntimeError("driver version is insufficient")

    modules["cupy"].cuda.is_available = fail
    install(monkeypatch, modules)

    with pytest.raises(BackendError, match="driver version is insufficient"):
        nets.use("cupy")


def test_a_back_end_that_cannot_run_leaves_the_present_one(monkeypatch):
    install(monkeypatch, {"cupy": None})
    before = backend()

    with pytest.raises(BackendError):
        nets.use("cupy")

    assert backend() is before


@pytest.mark.skipif(REAL, reason="there is a GPU, and nothing stands in for it")
def test_the_stand_in_refuses_what_would_be_a_silent_transfer(cupy):
    array = cupy.asarray(np.ones(3))

    for mix in (lambda: array + np.ones(3), lambda: np.ones(3) * array, lambda: np.exp(array), lambda: np.sum(array)):
        with pytest.raises(TypeError):
            mix()
    with pytest.raises(TypeError):
        np.asarray(array)
    with pytest.raises(TypeError):
        array[0] = np.ones(1)


# --- the same numbers as the reference ---


def on_both(cupy, compute):
    """Return what a function computes here and on the reference; it may draw from the common random stream."""
    results = []
    for name in ("cupy", "numpy"):
        nets.manual_seed(7)
        with nets.use(name):
            results.append([result.numpy() if isinstance(result, nets.Tensor) else result for result in compute()])
    return zip(*results, strict=True)


def assert_the_same(cupy, compute, rtol=1e-5):
    for ours, reference in on_both(cupy, compute):
        assert np.asarray(ours).dtype == np.asarray(reference).dtype
        np.testing.assert_allclose(ours, reference, rtol=rtol, atol=rtol)


def numbers(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


OPERATIONS = {
    "arithmetic": lambda a, b: (a + 2 * b - a / (b * b + 1)) ** 2,
    "arithmetic with arrays": lambda a, b: a * numbers(4, 3) + numbers(3) - b,
    "powers": lambda a, b: (a * a + 0.5) ** b + 2.0**b,
    "functions": lambda a, b: a.exp() + (a * a + 1).log() + (b * b + 1).sqrt() + a.sin() * b.cos(),
    "activations": lambda a, b: a.tanh() + b.sigmoid() + (a * b).relu() + abs(a) + b.clip(-0.5, 0.5),
    "extremes": lambda a, b: ops.maximum(a, b) * ops.minimum(a, b) + a.max() + b.min(1, keepdim=True),
    "where": lambda a, b: ops.where(a > b, a, 0.0) + nets.where(b < 0, b, a),
    "reductions": lambda a, b: a.mean() + b.sum(0) + a.var(1, keepdim=True) + b.std() + a.logsumexp(1).sum(),
    "shapes": lambda a, b: a.T.reshape(4, 3) + b.permute(1, 0).flatten().view(4, 3) + a.unsqueeze(0).squeeze(0),
    "broadcasting": lambda a, b: a[:1] + b[:, :1] + a[0, 0].broadcast_to((4, 3)),
    "indexing": lambda a, b: a[[0, 0, 2]].sum() + b[np.array([1, 1, 3])] .mean() + a[1:, ::2].sum(),
    "indexing by tensors": lambda a, b: a[nets.Tensor([3, 3, 0])].sum() + b[b > 0].sum(),
    "joining": lambda a, b: ops.cat([a, b], 1).sum(1) + ops.stack([a, b]).sum((0, 2)) + a.chunk(2)[0].sum(),
    "padding": lambda a, b: ops.pad(a, [(1, 0), (0, 2)], 1.5).sum(0).sum() * b,
    "products": lambda a, b: a @ b.T + (a @ b[0]).sum() + (nets.Tensor(numbers(2, 5, 4)) @ a).sum(),
    "dtypes": lambda a, b: a.double().sum().float() * b,
    "softmax": lambda a, b: F.softmax(a) * F.log_softmax(b, 0),
    "other activations": lambda a, b: F.gelu(a) + F.gelu(b, "tanh") + F.silu(a) + F.softplus(b) + F.leaky_relu(a),
    "losses": lambda a, b: F.mse_loss(a, b) + F.l1_loss(a, b) + F.huber_loss(a, b) + F.gaussian_kl(a, b),
    "cross-entropy": lambda a, b: (
        F.cross_entropy(a, np.array([0, 2, 1, 1]), label_smoothing=0.1)
        + F.cross_entropy(b, np.full((4, 3), 1 / 3, np.float32))
        + F.probability_loss(a, np.array([0, 2, 1, 1]), "inverse_sqrt")
        + F.binary_cross_entropy_with_logits(b, (numbers(4, 3) > 0).astype(np.float32))
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_and_its_gradients_are_those_of_the_reference(cupy, name):
    def compute():
        a, b = (nets.Tensor(numbers(4, 3) + shift, requires_grad=True) for shift in (0, 0.25))
        result = OPERATIONS[name](a, b)
        result.sum().backward()
        return [result, *(t.grad for t in (a, b) if t.grad is not None)]

    assert_the_same(cupy, compute)


def test_second_derivatives_are_those_of_the_reference(cupy):
    second = nets.grad(lambda x: nets.grad(lambda y: (y**3 * y.exp()).sum())(x).sum())

    assert_the_same(cupy, lambda: [second(numbers(5))])


def images(model):
    return model, numbers(3, 2, 8, 8), lambda y: (y * y).mean()


def vectors(model):
    return model, numbers(6, 4), lambda y: (y * y).mean()


def sequences(model):
    return model, numbers(5, 3, 4), lambda y: (y * y).mean()


MODELS = {
    "perceptron": lambda: (
        nets.Sequential(nets.Linear(4, 8, activation="relu"), nets.Dropout(0.3), nets.Linear(8, 3)),
        numbers(6, 4),
        lambda y: F.cross_entropy(y, np.array([0, 1, 2, 0, 1, 2])),
    ),
    "shapes": lambda: vectors(
        nets.Sequential(nets.Linear(4, (2, 3), activation="sigmoid"), nets.Flatten(), nets.Split(3), nets.Concatenate())
    ),
    "residual": lambda: vectors(nets.Residual(nets.LayerNorm(4), nets.Linear(4, 4, activation="tanh"))),
    "convolution": lambda: images(
        nets.Sequential(
            nets.Conv2d(2, 4, 3, padding=1, activation="relu"),
            nets.BatchNorm2d(4),
            nets.MaxPool2d(2),
            nets.Conv2d(4, 4, 3, stride=2, padding=2, dilation=2, groups=2),
            nets.GroupNorm(2, 4),
            nets.AvgPool2d(2),
            nets.GlobalAvgPool2d(),
        )
    ),
    "enlarging": lambda: images(
        nets.Sequential(
            nets.ConvTranspose2d(2, 4, 3, stride=2, padding=1, output_padding=1, activation="tanh"), nets.Upsample(2)
        )
    ),
    "batch norm": lambda: vectors(nets.Sequential(nets.Linear(4, 5), nets.BatchNorm1d(5), nets.GELU())),
    "rnn": lambda: sequences(nets.Sequential(nets.RNN(4, 5, bidirectional=True), nets.LastStep())),
    "gru": lambda: sequences(nets.Sequential(nets.GRU(4, 5, num_layers=2), nets.LastStep())),
    "lstm": lambda: sequences(nets.Sequential(nets.LSTM(4, 5, bidirectional=True), nets.LastStep())),
    "transformer": lambda: sequences(nets.TransformerBlock(4, 2, dropout=0.1)),
    "embedding": lambda: (nets.Embedding(7, 3), np.array([[1, 1, 6], [0, 2, 1]]), lambda y: (y * y * y).sum()),
    "embedding bag": lambda: (
        nets.EmbeddingBag(7, 3, activation="tanh"),
        np.array([[1, 1, 6], [0, 2, 1]]),
        lambda y: (y * y * y).sum(),
    ),
}
OPTIMIZERS = {
    "sgd": lambda p: nets.optim.SGD(p, 0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
    "rmsprop": lambda p: nets.optim.RMSProp(p, 0.01, momentum=0.5),
    "adam": lambda p: nets.optim.Adam(p, 0.01, weight_decay=0.1),
    "adamw": lambda p: nets.optim.AdamW(p, 0.01),
}


def trained(name, optimizer="adam"):
    """Train a model for three steps; return losses, weights and buffers."""
    model, x, criterion = MODELS[name]()
    optimizer = OPTIMIZERS[optimizer](model.parameters())
    ema = nets.EMA(model, 0.9)
    losses = []
    for _ in range(3):
        loss = criterion(model(x))
        optimizer.zero_grad()
        loss.backward()
        nets.optim.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        ema.update()
        losses.append(loss)
    return [*losses, *model.state_dict().values(), *ema.state_dict().values(), model.eval()(x)]


@pytest.mark.parametrize("name", MODELS)
def test_a_model_trains_as_on_the_reference(cupy, name):
    assert_the_same(cupy, lambda: trained(name), rtol=1e-4)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_an_optimizer_steps_as_on_the_reference(cupy, optimizer):
    assert_the_same(cupy, lambda: trained("perceptron", optimizer), rtol=1e-4)


def test_masks_are_those_of_the_reference(cupy):
    padding, pairs = np.zeros((3, 5), bool), np.triu(np.ones((5, 5), bool), 2)
    padding[0, 3:] = True
    scores = np.where(pairs, -np.inf, 0.5).astype(np.float32)

    def compute():
        attention, x = nets.MultiheadAttention(4, 2), numbers(3, 5, 4)
        return [
            attention(x, key_padding_mask=padding, attn_mask=pairs),
            attention(x, key_padding_mask=padding, attn_mask=scores),
            attention(x, x, is_causal=True),
        ]

    assert_the_same(cupy, compute)


# --- where the numbers are ---


@pytest.mark.skipif(REAL, reason="reads are counted by the stand-in")
def test_a_training_step_does_not_wait_for_the_gpu(cupy):
    model = nets.Sequential(nets.Linear(4, 8, activation="tanh"), nets.LayerNorm(8), nets.Linear(8, 4))
    optimizer = nets.optim.Adam(model.parameters())
    x = nets.Tensor(numbers(6, 4))

    loss = F.mse_loss(model(x), x)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

    assert fake_cupy.READS == []
    loss.item()
    assert fake_cupy.READS == ["item"]


@pytest.mark.skipif(REAL, reason="reads are counted by the stand-in")
def test_clipping_waits_once_for_all_gradients(cupy):
    model = nets.Sequential(nets.Linear(4, 8), nets.Linear(8, 4))
    F.mse_loss(model(numbers(6, 4)), numbers(6, 4)).backward()

    nets.optim.clip_grad_norm_(model.parameters(), 1e-3)

    assert fake_cupy.READS == ["float"]


def test_a_model_moves_to_the_gpu_and_back(cupy):
    with nets.use("numpy"):
        model = nets.Linear(3, 2)
        x = numbers(4, 3)
        expected = model(x).numpy()
        state = model.state_dict()

    model.to("cupy")
    on_gpu = model(x)
    model.to("numpy")

    assert isinstance(on_gpu.data, cupy.ndarray)
    np.testing.assert_allclose(on_gpu.numpy(), expected, rtol=1e-5)
    with nets.use("numpy"):
        np.testing.assert_array_equal(model(x).numpy(), expected)
    assert all((model.state_dict()[name] == array).all() for name, array in state.items())


def test_a_model_may_move_before_the_back_end_is_chosen(cupy):
    with nets.use("numpy"):
        model = nets.Linear(3, 2).to("cupy")

    assert isinstance(model.weight.data, cupy.ndarray)


def test_weights_load_onto_the_gpu(cupy):
    model = nets.Linear(3, 2)
    state = {name: np.ones_like(array) for name, array in model.state_dict().items()}

    model.load_state_dict(state)

    assert isinstance(model.weight.data, cupy.ndarray)
    assert model.weight.tolist() == [[1.0] * 3] * 2


def test_an_optimizer_resumes_on_the_gpu(cupy):
    def optimizer_of(model):
        return nets.optim.Adam(model.parameters())

    model = nets.Linear(3, 2)
    first = optimizer_of(model)
    F.mse_loss(model(numbers(4, 3)), numbers(4, 2)).backward()
    first.step()

    second = optimizer_of(model)
    second.load_state_dict(first.state_dict())

    for name, array in first.state_dict().items():
        np.testing.assert_array_equal(second.state_dict()[name], array)


def test_anomalies_are_found_on_the_gpu(cupy):
    with nets.detect_anomaly(), pytest.raises(nets.AnomalyError, match=r"log made .* at index \(1,\)"):
        nets.Tensor([1.0, 0.0]).log()


def test_values_change_in_place_from_numpys_arrays(cupy):
    x = nets.Tensor(np.zeros((2, 3), np.float32))

    x[1] = np.arange(3.0)
    x[np.array([0])] = 5
    x.copy_(x.numpy() + 1)

    assert x.tolist() == [[6.0, 6.0, 6.0], [1.0, 2.0, 3.0]]


def test_the_summary_needs_no_transfer(cupy):
    assert "Linear(3, 2)" in nets.summary(nets.Linear(3, 2), (1, 3))
