"""Coarse operations: gradients against central differences on both back ends, and what they refuse."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nets
from nets import functional as F
from nets.backends.reference.convolution import conv2d_output_size
from nets.testing import check_grads

pytestmark = pytest.mark.usefixtures("backend")


def some(*shape, seed=0, scale=0.7):
    return np.random.default_rng(seed).normal(0, scale, shape)


def apart(*shape, seed=0):
    """Return numbers of which no two are close, nor any close to 0: no kink and no tie is near."""
    n = int(np.prod(shape))
    return (np.random.default_rng(seed).permutation(np.arange(n) - n / 2 + 0.3) / n * 4).reshape(shape)


# --- activations ---


@pytest.mark.parametrize("name", [*F.ACTIVATIONS, "log_softmax"])
@pytest.mark.parametrize("shape", [(2, 3), (5,), (2, 3, 2, 2)], ids=str)
def test_activations_have_right_gradients(name, shape):
    check_grads(getattr(F, name), apart(*shape))


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "softplus", "silu", "gelu", "softmax", "log_softmax", "relu"])
def test_activations_neither_overflow_nor_lose_nan(name):
    x = nets.Tensor([-1e4, -90.0, 0.0, 90.0, 1e4])

    assert np.isfinite(getattr(F, name)(x).numpy()).all()
    assert np.isnan(getattr(F, name)(nets.Tensor([np.nan])).numpy()).all()


def test_activations_of_one_number_are_right():
    values = {
        "sigmoid": 1 / (1 + math.exp(-0.5)),
        "tanh": math.tanh(0.5),
        "relu": 0.5,
        "leaky_relu": 0.5,
        "silu": 0.5 / (1 + math.exp(-0.5)),
        "gelu": 0.5 * 0.5 * (1 + math.erf(0.5 / math.sqrt(2))),
        "softplus": math.log1p(math.exp(0.5)),
    }

    for name, value in values.items():
        assert F.activation(name)(nets.Tensor(np.float64(0.5))).item() == pytest.approx(value)


def test_settings_of_activations():
    check_grads(lambda x: F.leaky_relu(x, 0.3), apart(2, 3))
    check_grads(lambda x: F.gelu(x, "tanh"), some(2, 3))
    check_grads(lambda x: F.softmax(x, 0), some(3, 2, 2))
    check_grads(lambda x: F.softmax(x, 1), some(3, 2, 2))
    check_grads(lambda x: F.log_softmax(x, -2), some(3, 2, 2))


def test_activations_take_any_memory_layout():
    check_grads(lambda x: F.tanh(x.permute(0, 2, 3, 1)) * F.relu(x.permute(0, 2, 3, 1)), apart(2, 3, 2, 2))
    check_grads(lambda x: F.sigmoid(x[:, ::2]) + F.softmax(x.T[::2].T), some(3, 5))


# --- linear, embedding, dropout ---


@pytest.mark.parametrize("activation", F.ACTIVATIONS)
@pytest.mark.parametrize("shape", [(4, 3), (3,), (2, 2, 3)], ids=str)
def test_linear_with_each_activation(activation, shape):
    weights = some(2, 3, seed=1), some(2, seed=2)

    check_grads(lambda x, w, b: F.linear(x, w, b, activation), some(*shape), *weights)
    check_grads(lambda x, w: F.linear(x, w, None, activation), some(*shape), weights[0])


def test_linear_computes_only_the_gradients_that_are_wanted():
    x, w, b = some(4, 3), some(2, 3, seed=1), some(2, seed=2)

    check_grads(lambda x: F.linear(x, nets.Tensor(w), nets.Tensor(b)), x)
    check_grads(lambda w: F.linear(nets.Tensor(x), w, nets.Tensor(b)), w)
    check_grads(lambda b: F.linear(nets.Tensor(x), nets.Tensor(w), b), b)


def test_linear_takes_any_memory_layout():
    check_grads(lambda x, w, b: F.linear(x.T, w.T, b[::2]).T, some(3, 4), some(3, 2, seed=1), some(4, seed=2))
    check_grads(lambda x, w: F.linear(x.permute(1, 2, 0), w), some(3, 2, 2), some(4, 3, seed=1))


def test_embedding_adds_up_gradients_of_repeated_indices():
    check_grads(lambda w: F.embedding([[0, 2, 2], [3, 2, 0]], w), some(4, 3))
    check_grads(lambda w: F.embedding(nets.Tensor(1), w), some(4, 3))


def test_dropout_with_a_fixed_mask():
    check_grads(lambda x: F.dropout(x, 0.4, generator=np.random.default_rng(1)), some(4, 5))


def test_dropout_keeps_the_mean_and_the_share():
    y = F.dropout(np.ones(100_000, np.float32), 0.3, generator=np.random.default_rng(0)).numpy()

    assert np.unique(y).tolist() == [0, np.float32(1 / 0.7)]
    assert (y == 0).mean() == pytest.approx(0.3, abs=0.01)


def test_dropout_does_nothing_outside_of_training():
    x = nets.Tensor(some(3))

    assert F.dropout(x, 0.5, training=False) is x


def test_one_hot_vectors():
    assert F.one_hot([2, 0], 3).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert F.one_hot(np.zeros((2, 1), int), 2).shape == (2, 1, 2)


# --- images ---


CONVOLUTIONS = {
    "plain": {},
    "stride": {"stride": 2, "padding": 1},
    "uneven": {"stride": (2, 1), "padding": (0, 2)},
    "dilation": {"dilation": 2, "padding": 2},
    "groups": {"groups": 2, "padding": 1},
    "activation": {"activation": "tanh", "stride": 2},
    "slow activation": {"activation": "silu"},
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolution(name):
    settings = CONVOLUTIONS[name]
    weight = some(4, 4 // settings.get("groups", 1), 3, 2, seed=1)

    check_grads(lambda x, w, b: F.conv2d(x, w, b, **settings), some(2, 4, 5, 6), weight, some(4, seed=2))


def test_convolution_without_bias_of_images_in_any_memory_layout():
    check_grads(lambda x, w: F.conv2d(x.permute(0, 3, 1, 2), w), some(2, 4, 4, 3), some(2, 3, 3, 3, seed=1))
    check_grads(lambda x, w: F.conv2d(x[:, :, ::-1], w.permute(1, 0, 2, 3)), some(1, 2, 4, 4), some(2, 3, 2, 2, seed=1))


TRANSPOSED = {
    "plain": {},
    "stride": {"stride": 2},
    "padding": {"stride": 2, "padding": 1},
    "output padding": {"stride": 2, "padding": 1, "output_padding": 1},
    "uneven": {"stride": (3, 2), "padding": (0, 1), "output_padding": (2, 0)},
    "groups": {"stride": 2, "groups": 2, "padding": 1},
    "dilation": {"dilation": 2, "padding": 1, "output_padding": (0, 1)},
    "activation": {"activation": "sigmoid", "stride": 2},
}


@pytest.mark.parametrize("name", TRANSPOSED)
def test_transposed_convolution(name):
    settings = TRANSPOSED[name]
    weight = some(4, 4 // settings.get("groups", 1), 3, 2, seed=1)

    check_grads(lambda x, w, b: F.conv_transpose2d(x, w, b, **settings), some(2, 4, 3, 4), weight, some(4, seed=2))


@settings(max_examples=20)
@given(
    side=st.tuples(st.integers(3, 7), st.integers(3, 7)),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
)
def test_transposed_convolution_is_the_adjoint_of_convolution(side, kernel, stride, padding):
    """<conv(x), y> = <x, conv_transpose(y)>, with the output padding that gives back the size of x."""
    out = conv2d_output_size(side, kernel, (stride, stride), (padding, padding))
    w = nets.Tensor(some(2, 3, *kernel, seed=1))
    x, y = nets.Tensor(some(2, 3, *side)), nets.Tensor(some(2, 2, *out, seed=2))
    extra = tuple((n + 2 * padding - k) % stride for n, k in zip(side, kernel, strict=True))

    there = (F.conv2d(x, w, stride=stride, padding=padding) * y).sum()
    back = (x * F.conv_transpose2d(y, w, stride=stride, padding=padding, output_padding=extra)).sum()

    assert there.item() == pytest.approx(back.item(), abs=1e-9)


@pytest.mark.parametrize("settings", [(2,), (2, 1), (3, 2, 1), ((2, 3), (1, 2), (0, 1))], ids=str)
@pytest.mark.parametrize("pool", [F.max_pool2d, F.avg_pool2d])
def test_pooling(pool, settings):
    check_grads(lambda x: pool(x, *settings), apart(2, 3, 5, 6))
    check_grads(lambda x: pool(x.permute(0, 3, 1, 2), *settings), apart(1, 4, 5, 2))


def test_max_pooling_sends_the_gradient_to_the_first_of_equals():
    x = nets.Tensor(np.zeros((1, 1, 2, 2)), requires_grad=True)

    F.max_pool2d(x, 2).sum().backward()

    assert x.grad.tolist() == [[[[1, 0], [0, 0]]]]


def test_upsampling():
    assert F.upsample_nearest2d(np.array([[[[1.0, 2.0]]]]), 2).tolist() == [[[[1, 1, 2, 2], [1, 1, 2, 2]]]]
    check_grads(lambda x: F.upsample_nearest2d(x, 3), some(2, 3, 2, 2))


# --- normalisation ---


def test_layer_norm_of_the_last_axis():
    for shape in [(4, 3), (2, 3, 3), (3,)]:
        check_grads(F.layer_norm, some(*shape), some(3, seed=1), some(3, seed=2))
    check_grads(lambda x: F.layer_norm(x, eps=0.1), some(4, 3))
    check_grads(lambda x, w: F.layer_norm(x.T, w), some(3, 4), some(3, seed=1))


@pytest.mark.parametrize("shape", [(5, 3), (2, 3, 3, 2)], ids=str)
def test_batch_norm_by_statistics_of_the_batch_and_by_given_ones(shape):
    x, w, b, mean, var = some(*shape), some(3, seed=1), some(3, seed=2), some(3, seed=3), some(3, seed=4) ** 2

    check_grads(lambda x, w, b: F.batch_norm(x, w, b)[0], x, w, b)
    check_grads(lambda x: F.batch_norm(x)[0], x)
    check_grads(lambda x, w, b: F.batch_norm(x, w, b, nets.Tensor(mean), nets.Tensor(var))[0], x, w, b)


@pytest.mark.parametrize("n_groups", [1, 2, 4])
def test_group_norm(n_groups):
    for shape in [(2, 4, 3, 2), (3, 4, 1, 2)]:
        check_grads(lambda x, w, b: F.group_norm(x, n_groups, w, b), some(*shape), some(4, seed=1), some(4, seed=2))


# --- sequences ---


RECURRENT = {"rnn": (1, 1), "gru": (3, 1), "lstm": (4, 2)}


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", RECURRENT)
def test_recurrent_sequences_in_both_directions_with_states_and_without_biases(name, reverse):
    gates, n_states = RECURRENT[name]
    x, states = some(4, 2, 3), [some(2, 2, seed=i) for i in range(n_states)]
    weights = some(gates * 2, 3, seed=3), some(gates * 2, 2, seed=4)
    biases = some(gates * 2, seed=5), some(gates * 2, seed=6)

    check_grads(lambda *a: getattr(F, name)(*a, reverse=reverse), x, *states, *weights, *biases)
    check_grads(lambda *a: getattr(F, name)(*a, reverse=reverse), x, *states, *weights)


def test_a_recurrent_sequence_with_relu():
    check_grads(
        lambda *a: F.rnn(*a, nonlinearity="relu"), some(3, 2, 3), some(2, 2), some(2, 3, seed=3), some(2, 2, seed=4)
    )


def test_attention_with_masks():
    q, k, v = some(2, 2, 3, 4), some(2, 2, 5, 4, seed=1), some(2, 2, 5, 3, seed=2)
    hidden = np.random.default_rng(0).random((2, 1, 3, 5)) < 0.3
    hidden[0, 0, 1] = True  # a query that sees nothing
    scores = some(2, 3, 5, seed=3)

    for options in (
        {},
        {"scale": 0.3},
        {"is_causal": True},
        {"attn_mask": ~hidden},
        {"attn_mask": np.where(hidden, -np.inf, 0.0)},
        {"attn_mask": scores},
        {"attn_mask": ~hidden, "is_causal": True},
    ):
        check_grads(lambda q, k, v, options=options: F.scaled_dot_product_attention(q, k, v, **options), q, k, v)


def test_a_query_that_sees_nothing_gets_zeros():
    x = nets.Tensor(some(1, 1, 2, 3))
    seen = np.array([[True, True], [False, False]])

    y = F.scaled_dot_product_attention(x, x, x, seen)

    assert (y.numpy()[0, 0, 1] == 0).all()
    assert (y.numpy()[0, 0, 0] != 0).all()


def test_a_mask_that_wants_a_gradient_is_refused():
    x = nets.Tensor(some(1, 1, 2, 3))
    bias = nets.Tensor(some(2, 2), requires_grad=True)

    with pytest.raises(nets.GraphError, match=r"attn_mask gets no gradient; detach\(\) it"):
        F.scaled_dot_product_attention(x, x, x, bias)


# --- losses ---


LOSSES = ["mse_loss", "l1_loss", "huber_loss", "binary_cross_entropy_with_logits", "gaussian_kl"]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", LOSSES)
def test_losses_of_two_tensors(name, reduction):
    check_grads(lambda a, b: getattr(F, name)(a, b, reduction=reduction), 3 * some(4, 3), some(4, 3, seed=1))


def test_losses_written_out():
    a, b = 2 * some(4, 3), some(4, 3, seed=1)
    d, p = a - b, 1 / (1 + np.exp(-a))
    t = (b > 0).astype(float)

    def value(name, *args, **options):
        return getattr(F, name)(*map(nets.Tensor, args), **options).item()

    assert value("mse_loss", a, b) == pytest.approx((d**2).mean())
    assert value("l1_loss", a, b, reduction="sum") == pytest.approx(abs(d).sum())
    huber = np.where(abs(d) < 0.5, d**2 / 2, 0.5 * (abs(d) - 0.25))
    assert value("huber_loss", a, b, delta=0.5) == pytest.approx(huber.mean())
    cross = -(t * np.log(p) + (1 - t) * np.log(1 - p))
    assert value("binary_cross_entropy_with_logits", a, t) == pytest.approx(cross.mean())
    assert value("gaussian_kl", a, b) == pytest.approx(((a**2 + np.exp(b) - b - 1) / 2).mean())


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 2), (2, 3, 2, 2)], ids=str)
def test_cross_entropy_of_indices_and_of_probabilities(shape, reduction, smoothing):
    options = {"reduction": reduction, "label_smoothing": smoothing}
    logits, soft = some(*shape), F.softmax(nets.Tensor(some(*shape, seed=1)), 1).numpy()
    labels = np.random.default_rng(2).integers(0, 3, (shape[0], *shape[2:]))
    hard = np.moveaxis(np.eye(3)[labels], -1, 1)

    check_grads(lambda z: F.cross_entropy(z, labels, **options), logits)
    check_grads(lambda z: F.cross_entropy(z, soft, **options), logits)
    by_index = F.cross_entropy(nets.Tensor(logits), labels, **options)
    np.testing.assert_allclose(by_index.numpy(), F.cross_entropy(nets.Tensor(logits), hard, **options).numpy())


def test_cross_entropy_written_out():
    z, y = some(4, 3), np.array([0, 2, 1, 1])
    log_p = z - np.log(np.exp(z).sum(1, keepdims=True))
    smooth = 0.9 * np.eye(3)[y] + 0.1 / 3

    assert F.cross_entropy(nets.Tensor(z), y).item() == pytest.approx(-log_p[range(4), y].mean())
    assert F.cross_entropy(nets.Tensor(z), y, 0.1).item() == pytest.approx(-(smooth * log_p).sum(1).mean())


def test_losses_of_extreme_logits_are_finite():
    z = np.float32([[1e4, -1e4]])

    assert F.cross_entropy(z, [0]).item() == 0
    assert F.cross_entropy(z, [1]).item() == 2e4
    assert F.binary_cross_entropy_with_logits(z, np.float32([[1, 0]])).item() == 0
    assert F.binary_cross_entropy_with_logits(z, np.float32([[0, 1]])).item() == 1e4


@pytest.mark.parametrize("kind", F.PROBABILITY_LOSSES)
def test_alternatives_to_the_logarithm(kind):
    z, y = some(4, 3), np.array([0, 2, 1, 1])
    p = (np.exp(z) / np.exp(z).sum(1, keepdims=True))[range(4), y]
    expected = {
        "log": -np.log(p),
        "inverse_sqrt": p**-0.5,
        "inverse": 1 / p,
        "linear": 1 - p,
        "inverse_cube": p**-3,
        "inverse_fifth": p**-5,
    }

    np.testing.assert_allclose(F.probability_loss(nets.Tensor(z), y, kind, "none").numpy(), expected[kind])
    check_grads(lambda z: F.probability_loss(z, y, kind), z)


def test_labels_of_any_int_type_do():
    z = nets.Tensor(some(2, 3))

    for dtype in (np.int8, np.uint8, np.int32, np.int64, np.uint16):
        assert F.cross_entropy(z, np.array([1, 2], dtype)).item() == F.cross_entropy(z, [1, 2]).item()


def test_labels_that_change_before_backward_are_noticed():
    labels = nets.Tensor([0])
    loss = F.cross_entropy(nets.Tensor([[1.0, 2.0]], requires_grad=True), labels)

    labels[0] = 1

    with pytest.raises(nets.GraphError, match="backward through cross_entropy"):
        loss.backward()


# --- errors ---


X = nets.Tensor(np.ones((2, 3), np.float32))
IMAGE = nets.Tensor(np.ones((1, 2, 4, 4), np.float32))


def weight(*shape):
    return nets.Tensor(np.ones(shape, np.float32))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: F.linear(X, weight(4, 2)), r"linear: an input of shape \(2, 3\) does not fit a weight of .*\(4, 2\)"),
        (lambda: F.linear(X, weight(4, 3), weight(3)), r"linear: a bias of shape \(3,\) does not fit .* \(4, 3\)"),
        (lambda: F.linear(X[:0], weight(4, 3)), r"linear: the batch is empty: input shape \(0, 3\).*\(4, 3\)"),
        (lambda: F.conv2d(X, weight(1, 2, 3, 3)), r"conv2d: .*\(2, 3\); the weight has shape \(1, 2, 3, 3\)"),
        (lambda: F.conv2d(IMAGE, weight(1, 3, 3, 3)), r"\(1, 2, 4, 4\) does not fit a weight of \(1, 3, 3, 3\)"),
        (lambda: F.conv2d(IMAGE, weight(1, 2, 3)), r"conv2d: a weight must have four axes, got shape \(1, 2, 3\)"),
        (lambda: F.conv2d(IMAGE, weight(3, 2, 3, 3), weight(2)), r"conv2d: a bias of shape \(2,\) .* with 3 outputs"),
        (lambda: F.conv_transpose2d(IMAGE, weight(2, 3, 3, 3), weight(2)), r"a bias of shape \(2,\) .* with 3 outputs"),
        (lambda: F.conv2d(IMAGE, weight(1, 2, 5, 3)), "smaller than the kernel's reach of 5"),
        (lambda: F.conv2d(IMAGE[:0], weight(1, 2, 3, 3)), "conv2d: the batch is empty"),
        (lambda: F.conv_transpose2d(IMAGE, weight(3, 2, 3, 3)), r"\(1, 2, 4, 4\) does not fit a weight of \(3, 2"),
        (lambda: F.conv_transpose2d(IMAGE[:, :, :1], weight(2, 1, 1, 3), padding=1), "leaves nothing of"),
        (lambda: F.max_pool2d(IMAGE, 5), "max_pool2d: images of shape .* are smaller than"),
        (lambda: F.avg_pool2d(X, 2), "avg_pool2d: images must have shape"),
        (lambda: F.upsample_nearest2d(X, 2), "upsample_nearest2d: images must have shape"),
        (lambda: F.layer_norm(X, weight(2)), r"layer_norm: an input of shape \(2, 3\) does not fit .* \(2,\)"),
        (lambda: F.batch_norm(X, weight(2)), "batch_norm: an input of shape"),
        (lambda: F.batch_norm(X[:1]), "batch_norm: one value a channel has no variance"),
        (
            lambda: F.batch_norm(X[0], weight(3)),
            r"the input must have shape .*, got \(3,\); the weight has shape \(3,\)",
        ),
        (lambda: F.batch_norm(X, weight(3), weight(2)), r"input of shape \(2, 3\) does not fit a bias of shape \(2,\)"),
        (lambda: F.layer_norm(X, weight(3, 3)), r"layer_norm: an input of shape \(2, 3\) does not fit .* \(3, 3\)"),
        (lambda: F.layer_norm(X, weight(2, 3), weight(3)), r"\(2, 3\) does not fit a bias of shape \(3,\)"),
        (lambda: F.group_norm(X[:0], 1, weight(3)), r"batch is empty: .* \(0, 3\), .*; the weight has shape \(3,\)"),
        (lambda: F.rnn(X, X, weight(3, 3), weight(3, 3)), r"rnn: an input of shape \(2, 3\) does not fit"),
        (lambda: F.gru(X[None], X, weight(3, 3), weight(3, 3)), "gru: weights of shapes .* must have 3 x 3 rows"),
        (
            lambda: F.lstm(X[None], X[:1], X, weight(12, 3), weight(12, 3)),
            r"initial state must have shape \(2, 3\).*\(12, 3\)",
        ),
        (lambda: F.rnn(X[None], X, weight(3), weight(3, 3)), r"rnn: weights must have two axes, got shapes \(3,\)"),
        (lambda: F.rnn(X[None], X, weight(3, 3), weight(3, 3), weight(2)), r"rnn: a bias of shape \(2,\) does not fit"),
        (lambda: F.gru(X[None], X, weight(9, 3), weight(9, 3), weight(9), weight(3)), "gru: a bias of shape"),
        (lambda: F.lstm(X[None], X, X, weight(12, 3), weight(12, 3), weight(3)), "lstm: a bias of shape"),
        (lambda: F.scaled_dot_product_attention(X, X, X), "all must have shape .batch, heads"),
        (lambda: F.mse_loss(X, X.T), r"mse_loss: output and target must have one shape, got \(2, 3\) and \(3, 2\)"),
        (lambda: F.mse_loss(X[:0], X[:0]), "mse_loss: the batch is empty"),
        (lambda: F.cross_entropy(X, [1]), "cross_entropy: .*rows of logits need .* labels"),
        (lambda: F.cross_entropy(X[0], 1), r"logits must have shape \(batch, classes, ...\), got \(3,\)"),
        (lambda: F.cross_entropy(X, weight(2, 2)), r"must have the shape of the logits, \(2, 3\), got \(2, 2\)"),
        (
            lambda: F.cross_entropy(weight(2, 3, 4), np.full((4, 3, 2), 1 / 3, np.float32)),
            r"probabilities must have the shape of the logits, \(2, 3, 4\), got \(4, 3, 2\)",
        ),
        (lambda: F.cross_entropy(X[:0], np.zeros(0, int)), "cross_entropy: the batch is empty"),
        (lambda: F.probability_loss(X[0], [1]), r"logits must have shape \(batch, classes\), got \(3,\)"),
        (lambda: F.softmax(X, 2), r"softmax: dim must name a non-empty axis of shape \(2, 3\), got 2"),
        (lambda: F.embedding(np.zeros(0, int), X), "embedding: the batch is empty"),
    ],
)
def test_shapes_that_do_not_fit_name_operation_and_shapes(wrong, message):
    with pytest.raises(nets.ShapeError, match=message):
        wrong()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: F.cross_entropy(X, [0, 3]), r"labels must be in \[0, 3\), the number of classes, got 3"),
        (lambda: F.cross_entropy(X, [0, -1]), r"labels must be in \[0, 3\), the number of classes, got -1"),
        (lambda: F.cross_entropy(X, [0, 1], 1.0), r"label_smoothing must be in \[0, 1\), got 1.0"),
        (lambda: F.cross_entropy(X, X + 1), r"label out of range: targets must be in \[0, 1\]"),
        (lambda: F.binary_cross_entropy_with_logits(X, X + 6), r"label out of range: targets must be in .*, got 7.0"),
        (lambda: F.binary_cross_entropy_with_logits(X, X - 2), r"label out of range: .*, got -1.0"),
        (lambda: F.binary_cross_entropy_with_logits(X, X * np.nan), r"label out of range: .*, got nan"),
        (lambda: F.batch_norm(X, mean=weight(3)), "mean and var must be given both, or neither"),
        (lambda: F.cross_entropy(X, [0, 1], reduction="max"), "reduction must be 'mean', 'sum' or 'none', got 'max'"),
        (lambda: F.mse_loss(X, X, "max"), "mse_loss: reduction must be"),
        (lambda: F.huber_loss(X, X, 0), "huber_loss: delta must be positive, got 0"),
        (lambda: F.probability_loss(X, [0, 1], "square"), "kind must be one of log, .*, got 'square'"),
        (lambda: F.embedding([4], X), r"embedding: indices must be in \[0, 2\), got 4"),
        (lambda: F.one_hot([3], 3), r"one_hot: indices must be in \[0, 3\), got 3"),
        (lambda: F.one_hot([-1], 3), r"one_hot: indices must be in \[0, 3\), got -1"),
        (lambda: F.dropout(X, 1.0), r"dropout: p must be in \[0, 1\), got 1.0"),
        (lambda: F.leaky_relu(X, 1.5), r"negative_slope must be in \[0, 1\), got 1.5"),
        (lambda: F.gelu(X, "erf"), "approximate must be 'none' or 'tanh', got 'erf'"),
        (lambda: F.linear(X, weight(2, 3), None, "step"), "activation must be one of .*, got 'step'"),
        (lambda: F.conv2d(IMAGE, weight(1, 2, 3, 3), stride=0), "conv2d: stride must be one or two ints >= 1, got 0"),
        (lambda: F.conv2d(IMAGE, weight(1, 2, 3, 3), padding=(1, -1)), r"padding must be .* >= 0, got \(1, -1\)"),
        (lambda: F.conv2d(IMAGE, weight(3, 1, 3, 3), groups=2), "groups must divide 2 input and 3 output channels"),
        (lambda: F.conv_transpose2d(IMAGE, weight(2, 1, 3, 3), output_padding=1), "output_padding must be less than"),
        (lambda: F.max_pool2d(IMAGE, 2, padding=2), "padding must be at most half of the kernel"),
        (lambda: F.upsample_nearest2d(IMAGE, 0), "scale must be at least 1, got 0"),
        (lambda: F.group_norm(IMAGE, 3), "group_norm: n_groups must divide 2 channels, got 3"),
    ],
)
def test_settings_that_break_a_rule_name_argument_and_value(wrong, message):
    with pytest.raises(nets.ArgumentError, match=message):
        wrong()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: F.linear([[1, 2, 3]], weight(2, 3)), "linear: the input must hold floats, got int64"),
        (lambda: F.relu([1]), "relu: the input must hold floats"),
        (lambda: F.conv2d(np.ones((1, 2, 4, 4), np.uint8), weight(1, 2, 3, 3)), "got uint8; convert it, as in"),
        (lambda: F.embedding([0.0], X), "embedding: indices must be ints, got float32"),
        (lambda: F.one_hot([0.0], 3), "one_hot: indices must be ints"),
        (lambda: F.linear(nets.Tensor(np.ones((1, 3)), requires_grad=True), weight(2, 3)), "float64, .* float32"),
        (lambda: F.relu(np.ones(2, np.float16)), "relu: the input must hold float32 or float64, got float16"),
        (lambda: F.softmax(np.ones(2, ">f4")), "softmax: the input must hold float32 or float64, got >f4"),
        (lambda: F.probability_loss(X, [0.0, 1.0]), "class indices must be ints, got float32"),
    ],
)
def test_wrong_kinds_of_numbers_are_named(wrong, message):
    with pytest.raises(nets.DtypeError, match=message):
        wrong()


def test_weights_may_be_arrays():
    x, image = np.ones((2, 3), np.float32), np.ones((1, 2, 4, 4), np.float32)
    ones = lambda *shape: np.ones(shape, np.float32)  # noqa: E731

    def everything(ready):
        yield F.linear(x, ready(ones(4, 3)), ready(ones(4)))
        yield F.linear(x, nets.Tensor(ones(4, 3)), ready(ones(4)))
        yield F.embedding([1, 0], ready(ones(2, 3)))
        yield F.conv2d(image, ready(ones(3, 2, 3, 3)), ready(ones(3)))
        yield F.conv_transpose2d(image, ready(ones(2, 3, 3, 3)), ready(ones(3)))
        yield F.layer_norm(x, ready(ones(3)), ready(ones(3)))
        yield F.batch_norm(x, *(ready(ones(3)) for _ in range(4)))[0]
        yield F.group_norm(x, 1, ready(ones(3)), ready(ones(3)))
        yield F.rnn(x[None], x, *(ready(ones(*s)) for s in [(3, 3), (3, 3), (3,), (3,)]))[0]
        yield F.gru(x[None], x, *(ready(ones(*s)) for s in [(9, 3), (9, 3), (9,), (9,)]))[0]
        yield F.lstm(x[None], x, x, *(ready(ones(*s)) for s in [(12, 3), (12, 3), (12,), (12,)]))[0]

    for of_arrays, of_tensors in zip(everything(np.asarray), everything(nets.Tensor), strict=True):
        np.testing.assert_array_equal(of_arrays.numpy(), of_tensors.numpy())


def test_weights_of_ints_are_refused():
    with pytest.raises(nets.DtypeError, match="linear: the weights must hold float32 or float64, got int64"):
        F.linear(X, nets.Tensor([[1, 2, 3]]))


def test_indices_changed_after_they_were_looked_up_do_not_move_the_gradient():
    table, indices = nets.Tensor(np.zeros((4, 2)), requires_grad=True), np.array([0, 1])
    y = F.embedding(indices, table).sum()

    indices[:] = 3
    y.backward()

    assert table.grad.tolist() == [[1, 1], [1, 1], [0, 0], [0, 0]]


def test_a_target_that_is_a_result_gets_a_gradient_though_it_steps_out_of_its_range():
    target = nets.Tensor(np.full((2, 3), 1.0001), requires_grad=True)

    F.binary_cross_entropy_with_logits(np.ones((2, 3)), target).backward()

    np.testing.assert_allclose(target.grad.numpy(), -1 / 6)


@pytest.mark.parametrize("shape", [(4, 2, 3), (2, 2, 3), (5, 1, 2, 3)], ids=str)
def test_layer_norm_of_several_axes(shape):
    x, w, b = some(*shape), some(2, 3, seed=1), some(2, 3, seed=2)
    flat = x.reshape(-1, 6)
    normal = (flat - flat.mean(1, keepdims=True)) / np.sqrt(flat.var(1, keepdims=True) + 1e-5)

    np.testing.assert_allclose(F.layer_norm(x, w, b).numpy(), normal.reshape(shape) * w + b, rtol=1e-10)
    np.testing.assert_allclose(F.layer_norm(x, normalized_shape=(2, 3)).numpy(), normal.reshape(shape), rtol=1e-10)
    check_grads(lambda x, w, b: F.layer_norm(x, w, b), x, w, b)
    check_grads(lambda x: F.layer_norm(x, normalized_shape=(2, 3)), x)


def test_channels_of_sequences_are_normalised_as_those_of_images_of_one_row():
    x, w, b = some(4, 6, 5), some(6, seed=1), some(6, seed=2)

    for norm in (lambda x, w, b: F.batch_norm(x, w, b)[0], lambda x, w, b: F.group_norm(x, 2, w, b)):
        np.testing.assert_allclose(norm(x, w, b).numpy(), norm(x[:, :, None], w, b).numpy()[:, :, 0], rtol=1e-12)
        check_grads(norm, x, w, b)


def test_statistics_that_move_before_the_way_back_do_not_change_the_gradient():
    x, mean, var = some(4, 3), nets.Tensor(np.zeros(3)), nets.Tensor(np.ones(3))
    w = nets.Tensor(np.ones(3), requires_grad=True)
    y, _, _ = F.batch_norm(x, w, None, mean, var)

    mean.copy_(np.full(3, 5.0))
    var.copy_(np.full(3, 9.0))
    y.sum().backward()

    np.testing.assert_allclose(w.grad.numpy(), x.sum(0) / np.sqrt(1 + 1e-5))


@pytest.mark.parametrize("loss", [F.cross_entropy, F.probability_loss])
def test_labels_changed_after_they_were_used_do_not_move_the_gradient(loss):
    z, labels = nets.Tensor(np.zeros((2, 3)), requires_grad=True), np.array([0, 1])
    y = loss(z, labels)

    labels[:] = 2
    y.backward()

    np.testing.assert_allclose(z.grad.numpy(), np.array([[-2, 1, 1], [1, -2, 1]]) / 6)
