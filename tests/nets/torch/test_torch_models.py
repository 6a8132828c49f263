"""Whole models agree with PyTorch: outputs, gradients, and weights after five steps of every optimiser."""

import numpy as np
import pytest

import nets
from nets import functional as F
from nets import optim
from nets.testing import _tensors

torch = pytest.importorskip("torch")
nn = torch.nn

DTYPES = {"float32": (np.float32, 2e-4, 2e-5), "float64": (np.float64, 1e-8, 1e-10)}
"""Dtype, relative and absolute tolerance."""


@pytest.fixture(autouse=True)
def one_thread():
    """PyTorch's threads only wait for one another here."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=DTYPES)
def precision(request):
    return DTYPES[request.param]


def some(*shape, seed=0):
    return np.random.default_rng(seed).normal(0, 1, shape)


class TorchLast(nn.Module):
    """A recurrent layer and the linear layer on the outputs of its last step."""

    def __init__(self, kind, **options):
        super().__init__()
        self.add_module("0", kind(4, 5, batch_first=True, num_layers=2, bidirectional=True, **options))
        self.add_module("2", nn.Linear(10, 3))

    def forward(self, x):
        layer, linear = self.children()
        return linear(layer(x)[0][:, -1])


class TorchMean(nn.Module):
    def forward(self, x):
        return x.mean(1)


def recurrent(kind, **options):
    layer = kind(4, 5, batch_first=True, num_layers=2, bidirectional=True, **options)
    return nets.Sequential(layer, nets.LastStep(True), nets.Linear(10, 3))


MODELS = {
    "mlp": (
        lambda: nets.Sequential(
            nets.Linear(6, 8, activation="sigmoid"), nets.Identity(), nets.Linear(8, 8), nets.GELU(), nets.Linear(8, 3)
        ),
        lambda: nn.Sequential(nn.Linear(6, 8), nn.Sigmoid(), nn.Linear(8, 8), nn.GELU(), nn.Linear(8, 3)),
        (16, 6),
    ),
    "conv": (
        lambda: nets.Sequential(
            nets.Conv2d(2, 4, 3, padding=1),
            nets.BatchNorm2d(4),
            nets.ReLU(),
            nets.MaxPool2d(2),
            nets.Conv2d(4, 6, 3, stride=2, padding=1, groups=2, bias=False),
            nets.GroupNorm(2, 6),
            nets.ConvTranspose2d(6, 4, 3, stride=2, padding=1, output_padding=1),
            nets.SiLU(),
            nets.AvgPool2d(2),
            nets.Flatten(),
            nets.Linear(16, 3),
        ),
        lambda: nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2, bias=False),
            nn.GroupNorm(2, 6),
            nn.ConvTranspose2d(6, 4, 3, stride=2, padding=1, output_padding=1),
            nn.SiLU(),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(16, 3),
        ),
        (8, 2, 8, 8),
    ),
    "rnn": (lambda: recurrent(nets.RNN), lambda: TorchLast(nn.RNN), (6, 7, 4)),
    "rnn with relu": (
        lambda: recurrent(nets.RNN, nonlinearity="relu"),
        lambda: TorchLast(nn.RNN, nonlinearity="relu"),
        (6, 7, 4),
    ),
    "gru": (lambda: recurrent(nets.GRU), lambda: TorchLast(nn.GRU), (6, 7, 4)),
    "lstm": (lambda: recurrent(nets.LSTM), lambda: TorchLast(nn.LSTM), (6, 7, 4)),
    "transformer": (
        lambda: nets.Sequential(
            nets.TransformerBlock(8, 2, 16, activation="gelu", norm_first=True),
            nets.TransformerBlock(8, 4, 16, activation="relu", norm_first=False),
            nets.Lambda(lambda x: x.mean(1)),
            nets.Linear(8, 3),
        ),
        lambda: nn.Sequential(
            nn.TransformerEncoderLayer(8, 2, 16, 0.0, "gelu", batch_first=True, norm_first=True),
            nn.TransformerEncoderLayer(8, 4, 16, 0.0, "relu", batch_first=True, norm_first=False),
            TorchMean(),
            nn.Linear(8, 3),
        ),
        (6, 5, 8),
    ),
}


def twins(name, dtype):
    """Return our model, PyTorch's with the same weights, and a batch."""
    ours, theirs, shape = MODELS[name]
    nets.manual_seed(0)
    model, twin = ours().to(dtype), theirs().to(getattr(torch, np.dtype(dtype).name))
    twin.load_state_dict({key: torch.tensor(value) for key, value in model.state_dict().items()})
    return model, twin, some(*shape).astype(dtype), np.arange(shape[0]) % 3


def assert_same_state(model, twin, rtol, atol):
    state = twin.state_dict()
    assert model.state_dict().keys() == state.keys()
    for key, value in model.state_dict().items():
        np.testing.assert_allclose(value, state[key].numpy(), rtol, atol, err_msg=key)


@pytest.mark.parametrize("name", MODELS)
def test_models_give_the_same_outputs_and_gradients(backend, precision, name):
    dtype, rtol, atol = precision
    model, twin, x, y = twins(name, dtype)
    ours, theirs = nets.Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)

    out, expected = model(ours), twin(theirs)
    F.cross_entropy(out, y).backward()
    nn.functional.cross_entropy(expected, torch.tensor(y)).backward()

    np.testing.assert_allclose(out.numpy(), expected.detach().numpy(), rtol, atol)
    np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), rtol, atol)
    slopes = dict(twin.named_parameters())
    for key, parameter in model.named_parameters():
        np.testing.assert_allclose(parameter.grad.numpy(), slopes[key].grad.numpy(), rtol, atol, err_msg=key)


OPTIMIZERS = {
    "SGD": (optim.SGD, torch.optim.SGD, {}),
    "momentum": (optim.SGD, torch.optim.SGD, {"momentum": 0.9, "weight_decay": 0.1}),
    "Nesterov": (optim.SGD, torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    "RMSprop": (optim.RMSprop, torch.optim.RMSprop, {"momentum": 0.5, "weight_decay": 0.1, "eps": 1e-4}),
    "Adam": (optim.Adam, torch.optim.Adam, {"weight_decay": 0.1, "eps": 1e-4}),
    "AdamW": (optim.AdamW, torch.optim.AdamW, {"weight_decay": 0.1, "betas": (0.8, 0.9), "eps": 1e-4}),
}


def five_steps(name, dtype, optimizer):
    model, twin, x, y = twins(name, dtype)
    ours, theirs, settings = OPTIMIZERS[optimizer]
    mine, other = ours(model.parameters(), lr=0.01, **settings), theirs(twin.parameters(), lr=0.01, **settings)
    for _ in range(5):
        mine.zero_grad()
        F.cross_entropy(model(x), y).backward()
        mine.step()
        other.zero_grad()
        nn.functional.cross_entropy(twin(torch.tensor(x)), torch.tensor(y)).backward()
        other.step()
    return model, twin


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", ["mlp", "conv", "lstm", "transformer"])
def test_five_steps_lead_to_the_same_weights_and_statistics(backend, name, optimizer):
    """Running means and variances of batch normalisation included."""
    assert_same_state(*five_steps(name, np.float64, optimizer), 1e-8, 1e-10)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_parameters_that_join_late_or_pause_take_the_same_steps(backend, optimizer):
    """Bias correction counts the steps of each parameter, not those of the optimiser."""
    ours, theirs, settings = OPTIMIZERS[optimizer]
    a = [nets.Parameter(some(3, seed=i), dtype=np.float64) for i in range(4)]
    b = [torch.nn.Parameter(torch.tensor(p.numpy().copy())) for p in a]
    mine, other = ours(a, lr=0.1, **settings), theirs(b, lr=0.1, **settings)
    for step in range(60):
        mine.zero_grad()
        other.zero_grad()
        for i, active in enumerate([True, step >= 49, step % 3 != 1, step >= 49]):
            if active:
                a[i].grad = some(3, seed=100 + step)
                b[i].grad = torch.tensor(some(3, seed=100 + step))
        mine.step()
        other.step()

    for p, q in zip(a, b, strict=True):
        np.testing.assert_allclose(p.numpy(), q.detach().numpy(), 1e-8, 1e-10)


def test_averaged_weights_and_statistics_are_the_same(backend):
    """PyTorch's first update copies the model; ours begins as a copy."""
    swa = torch.optim.swa_utils
    model, twin, x, y = twins("conv", np.float64)
    mine, other = optim.SGD(model.parameters(), lr=0.1), torch.optim.SGD(twin.parameters(), lr=0.1)
    ema = nets.EMA(model, decay=0.15)  # at once: 0.15 < 2 / 11
    averaged = swa.AveragedModel(twin, multi_avg_fn=swa.get_ema_multi_avg_fn(0.15), use_buffers=True)
    averaged.update_parameters(twin)
    for _ in range(4):
        mine.zero_grad()
        F.cross_entropy(model(x), y).backward()
        mine.step()
        ema.update()
        other.zero_grad()
        nn.functional.cross_entropy(twin(torch.tensor(x)), torch.tensor(y)).backward()
        other.step()
        averaged.update_parameters(twin)

    with ema.applied():
        found, outputs = model.state_dict(), model.eval()(x).numpy()
    expected = averaged.module.state_dict()
    for name in ema.averages:
        np.testing.assert_allclose(found[name], expected[name].numpy(), 1e-8, 1e-10, err_msg=name)
    np.testing.assert_allclose(outputs, averaged.eval()(torch.tensor(x)).detach().numpy(), 1e-8, 1e-10)


@pytest.mark.parametrize("name", ["rnn", "rnn with relu", "gru"])
def test_five_steps_of_adamw_lead_recurrent_models_to_the_same_weights(backend, name):
    assert_same_state(*five_steps(name, np.float64, "AdamW"), 1e-8, 1e-10)


@pytest.mark.parametrize("name", MODELS)
def test_five_steps_in_float32_stay_together(name):
    assert_same_state(*five_steps(name, np.float32, "AdamW"), 2e-3, 2e-4)


@pytest.mark.parametrize("name", MODELS)
def test_states_of_torch_load_as_they_are_and_go_back(name):
    model, twin, x, _ = twins(name, np.float32)
    for parameter in twin.parameters():
        nn.init.normal_(parameter, 0, 0.3)

    model.load_state_dict(twin.state_dict())

    np.testing.assert_allclose(model.eval()(x).numpy(), twin.eval()(torch.tensor(x)).detach().numpy(), 1e-4, 1e-5)
    twin.load_state_dict({key: torch.tensor(value) for key, value in model.state_dict().items()})
    assert_same_state(model, twin, 0, 0)


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True, "bias": False}], ids=str)
def test_recurrent_layers_take_and_give_the_same_states(backend, kind, options):
    ours, theirs = getattr(nets, kind)(3, 4, **options).to(np.float64), getattr(nn, kind)(3, 4, **options).double()
    ours.load_state_dict(theirs.state_dict())
    n = (1 + options.get("bidirectional", False)) * options.get("num_layers", 1)
    arrays = [some(5, 2, 3), *(some(n, 2, 4, seed=i) for i in range(1 + (kind == "LSTM")))]
    mine = [nets.Tensor(a, requires_grad=True) for a in arrays]
    others = [torch.tensor(a, requires_grad=True) for a in arrays]

    outputs = list(_tensors(ours(mine[0], tuple(mine[1:]) if kind == "LSTM" else mine[1])))
    y, last = theirs(others[0], tuple(others[1:]) if kind == "LSTM" else others[1])
    expected = [y, *last] if kind == "LSTM" else [y, last]
    sum((t * t).sum() for t in outputs).backward()
    sum((t * t).sum() for t in expected).backward()

    for a, b in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(a.numpy(), b.detach().numpy(), 1e-9, 1e-11)
    for a, b in zip([*mine, *ours.parameters()], [*others, *theirs.parameters()], strict=True):
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), 1e-9, 1e-11)


PADDING = np.array([[False, False, False, True], [False, True, False, False]])
CAUSAL = np.triu(np.ones((4, 4), bool), 1)
MASKS = {
    "none": {},
    "keys": {"key_padding_mask": PADDING},
    "pairs": {"attn_mask": CAUSAL},
    "both": {"attn_mask": CAUSAL, "key_padding_mask": PADDING},
    "numbers": {"attn_mask": some(4, 4, seed=5)},
}


@pytest.mark.parametrize("masks", MASKS)
@pytest.mark.parametrize("heads", [1, 3])
@pytest.mark.parametrize("queries_only", [True, False])
def test_attention_layers_agree_under_every_mask(backend, masks, heads, queries_only):
    ours, theirs = nets.MultiheadAttention(6, heads).to(np.float64), nn.MultiheadAttention(6, heads, batch_first=True)
    theirs.double()
    ours.load_state_dict(theirs.state_dict())
    arrays = [some(2, 4, 6, seed=i) for i in range(1 if queries_only else 3)]
    mine = [nets.Tensor(a, requires_grad=True) for a in arrays]
    others = [torch.tensor(a, requires_grad=True) for a in arrays]

    y = ours(*mine, **MASKS[masks])
    options = {name: torch.tensor(mask) for name, mask in MASKS[masks].items()}
    expected, _ = theirs(*(others * 3)[:3], need_weights=False, **options)
    (y * y).sum().backward()
    (expected * expected).sum().backward()

    np.testing.assert_allclose(y.numpy(), expected.detach().numpy(), 1e-9, 1e-11)
    for a, b in zip([*mine, *ours.parameters()], [*others, *theirs.parameters()], strict=True):
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), 1e-9, 1e-11)


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("masks", ["none", "both"])
def test_the_transformer_block_is_torchs_encoder_layer(backend, norm_first, masks):
    ours = nets.TransformerBlock(6, 2, 9, activation="gelu", norm_first=norm_first).to(np.float64)
    theirs = nn.TransformerEncoderLayer(6, 2, 9, 0.0, "gelu", batch_first=True, norm_first=norm_first).double()
    ours.load_state_dict(theirs.state_dict())
    x = some(2, 4, 6)
    mine, other = nets.Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)

    y = ours(mine, **MASKS[masks])
    options = {name: torch.tensor(mask) for name, mask in MASKS[masks].items()}
    if options:
        options = {"src_mask": options["attn_mask"], "src_key_padding_mask": options["key_padding_mask"]}
    expected = theirs(other, **options)
    (y * y * y).sum().backward()
    (expected * expected * expected).sum().backward()

    np.testing.assert_allclose(y.numpy(), expected.detach().numpy(), 1e-9, 1e-11)
    slopes = dict(theirs.named_parameters())
    np.testing.assert_allclose(mine.grad.numpy(), other.grad.numpy(), 1e-8, 1e-10)
    for name, parameter in ours.named_parameters():
        np.testing.assert_allclose(parameter.grad.numpy(), slopes[name].grad.numpy(), 1e-8, 1e-10, err_msg=name)


def test_running_statistics_move_alike_over_several_batches(backend):
    ours, theirs = nets.BatchNorm1d(3, momentum=0.3).to(np.float64), nn.BatchNorm1d(3, momentum=0.3).double()
    for seed in range(4):
        x = some(5, 3, seed=seed) * 3 + seed
        np.testing.assert_allclose(ours(x).numpy(), theirs(torch.tensor(x)).detach().numpy(), 1e-9, 1e-11)

    assert_same_state(ours, theirs, 1e-10, 0)
    x = some(5, 3, seed=9)
    np.testing.assert_allclose(ours.eval()(x).numpy(), theirs.eval()(torch.tensor(x)).detach().numpy(), 1e-9, 1e-11)
