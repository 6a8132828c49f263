"""Optimisers against the formulas written out, the memory that they share with parameters, and clipping."""

import copy
import pickle

import numpy as np
import pytest

import nets
from nets import optim
from nets.tensorfile import read_tensors, write_tensors

STEPS = 6
SLOPES = np.random.default_rng(0).normal(0, 1, (STEPS, 5))
START = np.random.default_rng(1).normal(0, 1, 5)


def sgd(lr=0.1, momentum=0.0, nesterov=False, weight_decay=0.0):
    w, v = START.copy(), np.zeros(5)
    for g in SLOPES:
        g = g + weight_decay * w
        v = momentum * v + g
        w -= lr * (g + momentum * v if nesterov else v)
    return w


def rmsprop(lr=0.1, alpha=0.99, eps=1e-8, momentum=0.0, weight_decay=0.0):
    w, s, v = START.copy(), np.zeros(5), np.zeros(5)
    for g in SLOPES:
        g = g + weight_decay * w
        s = alpha * s + (1 - alpha) * g**2
        v = momentum * v + g / (np.sqrt(s) + eps)
        w -= lr * v
    return w


def adam(lr=0.1, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, decoupled=False):
    w, m, v = START.copy(), np.zeros(5), np.zeros(5)
    for t, g in enumerate(SLOPES, 1):
        if decoupled:
            w -= lr * weight_decay * w
        else:
            g = g + weight_decay * w
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g**2
        w -= lr * (m / (1 - betas[0] ** t)) / (np.sqrt(v / (1 - betas[1] ** t)) + eps)
    return w


CASES = {
    "SGD": (optim.SGD, sgd, {}),
    "SGD with momentum": (optim.SGD, sgd, {"momentum": 0.9}),
    "SGD with Nesterov's momentum": (optim.SGD, sgd, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    "SGD with weight decay": (optim.SGD, sgd, {"weight_decay": 0.1}),
    "RMSProp": (optim.RMSProp, rmsprop, {}),
    "RMSProp with everything": (
        optim.RMSProp,
        rmsprop,
        {"alpha": 0.8, "eps": 1e-3, "momentum": 0.5, "weight_decay": 0.1},
    ),
    "Adam": (optim.Adam, adam, {}),
    "Adam with everything": (optim.Adam, adam, {"betas": (0.5, 0.8), "eps": 1e-3, "weight_decay": 0.1}),
    "AdamW": (optim.AdamW, lambda **o: adam(decoupled=True, **o), {"weight_decay": 0.1}),
}


def descend(kind, dtype, **settings):
    w = nets.Parameter(START, dtype=dtype)
    optimizer = kind([w], lr=0.1, **settings)
    for slope in SLOPES:
        w.grad = slope
        optimizer.step()
    return w.numpy()


@pytest.mark.parametrize("name", CASES)
def test_optimizers_follow_their_formulas(backend, name):
    kind, formula, settings = CASES[name]

    np.testing.assert_allclose(descend(kind, np.float64, **settings), formula(**settings), rtol=1e-10)
    np.testing.assert_allclose(descend(kind, np.float32, **settings), formula(**settings), rtol=2e-5, atol=5e-6)


@pytest.mark.parametrize("name", CASES)
def test_parameters_of_any_shape_and_dtype_take_the_same_steps(backend, name):
    kind, formula, settings = CASES[name]
    expected = formula(**settings)
    a, b = nets.Parameter(START[:4].reshape(2, 2)), nets.Parameter(START, dtype=np.float64)
    c = nets.Parameter(START[4])
    optimizer = kind([a, b, c], lr=0.1, **settings)

    for slope in SLOPES:
        a.grad, b.grad, c.grad = slope[:4].reshape(2, 2), slope, slope[4]
        optimizer.step()

    assert (a.dtype, b.dtype, c.dtype) == (np.float32, np.float64, np.float32)
    np.testing.assert_allclose(a.numpy().ravel(), expected[:4], rtol=2e-5, atol=5e-6)
    np.testing.assert_allclose(b.numpy(), expected, rtol=1e-10)
    np.testing.assert_allclose(c.numpy(), expected[4], rtol=2e-5, atol=5e-6)


@pytest.mark.parametrize("name", CASES)
def test_an_optimizer_goes_on_from_its_state(backend, name):
    kind, _, settings = CASES[name]
    whole = descend(kind, np.float64, **settings)
    first = nets.Parameter(START, dtype=np.float64)
    one = kind([first], lr=0.1, **settings)
    for slope in SLOPES[:3]:
        first.grad = slope
        one.step()
    second = nets.Parameter(first.numpy().copy(), dtype=np.float64)
    two = kind([second], lr=9.0, **settings)

    two.load_state_dict(one.state_dict())
    for slope in SLOPES[3:]:
        second.grad = slope
        two.step()

    np.testing.assert_array_equal(second.numpy(), whole)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda s: optim.SGD([nets.Parameter([1.0, 2.0])]).state_dict(), "the state does not fit Adam: it is of SGD"),
        (lambda s: optim.AdamW([nets.Parameter([1.0, 2.0])]).state_dict(), "does not fit Adam: it is of AdamW"),
        (
            lambda s: optim.Adam([nets.Parameter([[1.0], [2.0]])]).state_dict(),
            r"parameter 0 of those of float32: the state has shape \(2, 1\), the optimiser has \(2,\)",
        ),
        (
            lambda s: optim.Adam([nets.Parameter([1.0]), nets.Parameter([2.0])]).state_dict(),
            "the state is of 2 parameters of float32, the optimiser has 1",
        ),
        (lambda s: {k: v for k, v in s.items() if k != "rule"}, r"the state does not fit Adam: \['rule'\]"),
        (lambda s: {**s, "0.mean": np.zeros(3)}, r"tensor 0.mean: the state has shape \(3,\), .* \(2,\)"),
        (lambda s: {**s, "0.square": np.array(["a", "b"])}, "tensor 0.square: the state has dtype <U1"),
        (lambda s: {**s, "steps": np.zeros(2, int)}, r"tensor steps: the state has shape \(2,\)"),
        (lambda s: {**s, "lr": np.array(np.nan)}, "its learning rate or its counts of steps are wrong"),
        (lambda s: {**s, "0.steps": s["0.steps"] + 1}, "its learning rate or its counts of steps are wrong"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(spoil, message):
    w = nets.Parameter([1.0, 2.0])
    optimizer = optim.Adam([w])
    other = optim.Adam([nets.Parameter([1.0, 2.0])], lr=3.0)
    other.parameters[0].grad = [1.0, 1.0]
    other.step()
    before = optimizer.state_dict()

    with pytest.raises(nets.CheckpointError, match=message):
        optimizer.load_state_dict(spoil(other.state_dict()))

    assert_same_state(optimizer.state_dict(), before)
    optimizer.load_state_dict(other.state_dict())
    assert_same_state(optimizer.state_dict(), other.state_dict())


def assert_same_state(state, expected):
    assert state.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(state[name], array)


def test_a_state_of_as_many_numbers_in_other_shapes_is_refused():
    """Both layers have 18 numbers."""
    state = optim.Adam(nets.Linear(5, 3).parameters()).state_dict()

    with pytest.raises(nets.CheckpointError, match=r"parameter 0 .* shape \(3, 5\), the optimiser has \(6, 2\)"):
        optim.Adam(nets.Linear(2, 6).parameters()).load_state_dict(state)


def test_a_rate_that_a_schedule_took_to_zero_is_restored():
    optimizer, twin = (optim.SGD([nets.Parameter([1.0])]) for _ in range(2))
    optimizer.lr = 0.0

    twin.load_state_dict(optimizer.state_dict())

    assert twin.lr == 0


@pytest.mark.parametrize("name", CASES)
def test_a_state_passes_through_a_file(tmp_path, name):
    kind, _, settings = CASES[name]
    scalar, matrix, double = nets.Parameter(1.0), nets.Parameter(np.ones((2, 3))), nets.Parameter([1.0], dtype=float)
    optimizer = kind([scalar, matrix, double], **settings)
    matrix.grad = np.ones((2, 3))
    optimizer.step()

    write_tensors(tmp_path / "state", optimizer.state_dict())
    twin = kind([nets.Parameter(1.0), nets.Parameter(np.ones((2, 3))), nets.Parameter([1.0], dtype=float)], **settings)
    twin.load_state_dict(read_tensors(tmp_path / "state")[0])

    assert_same_state(twin.state_dict(), optimizer.state_dict())
    assert twin.state_dict()["0.steps"].tolist() == [0, 1]


# --- copies ---


def pickled(thing):
    return pickle.loads(pickle.dumps(thing))


def whole_step(model, optimizer, x):
    optimizer.zero_grad()
    (model(x) ** 2).sum().backward()
    optimizer.step()


@pytest.mark.parametrize("copied", [copy.deepcopy, pickled])
@pytest.mark.parametrize("name", CASES)
def test_a_model_and_its_optimizer_go_on_as_copies(backend, copied, name):
    kind, _, settings = CASES[name]
    x = np.random.default_rng(0).normal(0, 1, (4, 3)).astype(np.float32)
    model = nets.Sequential(nets.Linear(3, 5), nets.Linear(5, 2))
    optimizer = kind(model.parameters(), lr=0.01, **settings)
    whole_step(model, optimizer, x)
    start = model.state_dict()

    model_copy, optimizer_copy = copied((model, optimizer))
    for _ in range(3):
        whole_step(model_copy, optimizer_copy, x)

    assert_same_state(model.state_dict(), start)
    for _ in range(3):
        whole_step(model, optimizer, x)
    assert_same_state(model_copy.state_dict(), model.state_dict())
    assert_same_state(optimizer_copy.state_dict(), optimizer.state_dict())
    assert (model.state_dict()["0.weight"] != start["0.weight"]).any()


@pytest.mark.parametrize("copied", [copy.deepcopy, pickled])
def test_a_copied_optimizer_has_one_arena_again(copied):
    """Gradients go to their slots, so that a step is one call of a kernel."""
    model, optimizer = copied((layer := nets.Linear(300, 300), optim.SGD(layer.parameters())))

    model(np.ones((1, 300), np.float32)).sum().backward()

    (arena,) = optimizer._arenas
    assert all(np.shares_memory(p.data, arena.values) for p in model.parameters())
    assert all(np.shares_memory(p._grad, arena.grads) for p in model.parameters())
    assert arena.parts()[0][0] is nets.arena.EVERYTHING
    assert model.weight.data.flags.f_contiguous == layer.weight.data.flags.f_contiguous


@pytest.mark.parametrize("copied", [copy.deepcopy, pickled])
def test_copies_keep_how_the_state_lies_in_memory(copied):
    """The weight lay column by column when the optimiser was made, and row by row when it was copied."""
    w = nets.Parameter(0)
    w.data = np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3))
    optimizer = optim.Adam([w])
    w.grad = np.arange(6.0).reshape(2, 3)
    optimizer.step()
    w.data = np.ascontiguousarray(w.data)

    w_copy, optimizer_copy = copied((w, optimizer))
    for parameter, rule in ((w, optimizer), (w_copy, optimizer_copy)):
        rule.step()
        np.testing.assert_array_equal(parameter.numpy(), w.numpy())

    assert_same_state(optimizer_copy.state_dict(), optimizer.state_dict())


# --- the arena ---


def test_parameters_without_a_gradient_stay(backend):
    a, b, c, d = (nets.Parameter([float(i)]) for i in range(4))
    optimizer = optim.AdamW([a, b, c, d], lr=0.1, weight_decay=0.5)

    a.grad, c.grad = [1.0], [1.0]
    optimizer.step()

    assert (b.item(), d.item()) == (1, 3)
    assert a.item() != 0
    assert c.item() != 2


def test_a_parameter_without_gradient_keeps_its_running_means(backend):
    a, b = nets.Parameter([0.0]), nets.Parameter([0.0])
    optimizer = optim.SGD([a, b], lr=1.0, momentum=0.5)
    a.grad, b.grad = [1.0], [1.0]
    optimizer.step()
    optimizer.zero_grad()

    a.grad = [1.0]
    optimizer.step()

    assert (a.item(), b.item()) == (-2.5, -1)
    assert optimizer.state_dict()["0.velocity"].tolist() == [1.5, 1]


@pytest.mark.parametrize("kind", [optim.Adam, lambda p, lr: optim.AdamW(p, lr, weight_decay=0)])
def test_adam_counts_the_steps_of_each_parameter(backend, kind):
    """With gradients of 1, corrected means are 1, and every step is lr."""
    a, b, c = (nets.Parameter([1.0], dtype=np.float64) for _ in range(3))
    optimizer = kind([a, b, c], lr=0.01)
    for i in range(60):
        optimizer.zero_grad()
        a.grad = [1.0]
        if i >= 49:
            b.grad = [1.0]
        if i == 59:
            c.grad = [1.0]
        optimizer.step()

    np.testing.assert_allclose([a.item(), b.item(), c.item()], [0.4, 0.89, 0.99], rtol=1e-6)
    assert optimizer.state_dict()["0.steps"].tolist() == [60, 11, 1]


def test_parameters_with_equal_counts_share_a_call():
    parameters = [nets.Parameter([float(i)]) for i in range(5)]
    optimizer, calls = optim.Adam(parameters), []
    optimizer._update = lambda w, grad, state, t: calls.append((len(w), t))

    for missing in ((), (0, 3), (), (1, 2, 4), ()):
        optimizer.zero_grad()
        for i, parameter in enumerate(parameters):
            parameter.grad = None if i in missing else [1.0]
        optimizer.step()

    assert calls == [(5, 1), (2, 2), (1, 2), *[(1, 2), (2, 3), (1, 2), (1, 3)], (1, 3), (1, 3), (5, 4)]


def test_no_gradient_at_all_changes_nothing(backend):
    w = nets.Parameter([1.0, 2.0])

    optim.AdamW([w], weight_decay=0.5).step()

    assert w.tolist() == [1, 2]


def test_an_array_that_someone_assigned_is_taken_in(backend):
    w, u = nets.Parameter([1.0, 2.0]), nets.Parameter([3.0])
    optimizer = optim.SGD([w, u], lr=1.0)
    w.data = np.float32([10, 20])
    w.grad, u.grad = [1.0, 1.0], [1.0]

    optimizer.step()

    assert (w.tolist(), u.tolist()) == ([9, 19], [2])


def test_an_array_of_another_shape_is_refused():
    w = nets.Parameter([1.0, 2.0])
    optimizer = optim.SGD([w])
    w.data = np.ones((2, 2), np.float32)

    with pytest.raises(nets.GraphError, match=r"of shape \(2,\) and dtype float32 became one of shape \(2, 2\)"):
        optimizer.step()


def test_a_shared_parameter_steps_once(backend):
    w = nets.Parameter([1.0])
    optimizer = optim.SGD([w, w], lr=1.0)

    (w + w).sum().backward()
    optimizer.step()

    assert w.tolist() == [-1]


def test_two_optimizers_may_share_a_parameter(backend):
    shared, own = nets.Parameter([1.0]), nets.Parameter([1.0])
    first, second = optim.SGD([shared], lr=1.0), optim.SGD([own, shared], lr=10.0)

    for optimizer in (first, second, first):
        first.zero_grad()
        second.zero_grad()
        (shared * 2 + own).sum().backward()
        optimizer.step()

    assert shared.tolist() == [1 - 2 - 20 - 2]
    assert own.tolist() == [1 - 10]


def test_a_second_optimizer_may_take_over(backend):
    w = nets.Parameter([1.0])
    optim.SGD([w])
    optimizer = optim.SGD([w], lr=1.0)

    (w * 2).sum().backward()
    optimizer.step()

    assert w.tolist() == [-1]


def test_gradients_that_were_set_to_tensors_are_used(backend):
    w = nets.Parameter([2.0])
    optimizer = optim.SGD([w], lr=1.0)
    (w**2).sum().backward(create_graph=True)

    optimizer.step()

    assert w.tolist() == [-2]


def test_gradients_accumulate_over_small_batches(backend):
    model = nets.Linear(3, 2)
    optimizer = optim.SGD(model.parameters())
    x = np.random.default_rng(0).normal(0, 1, (8, 3)).astype(np.float32)

    model(x).sum().backward()
    whole = model.weight.grad.numpy().copy()
    optimizer.zero_grad()
    for part in (x[:4], x[4:]):
        model(part).sum().backward()

    np.testing.assert_allclose(model.weight.grad.numpy(), whole, rtol=1e-5)


def test_zero_grad_forgets():
    w = nets.Parameter([1.0])
    optimizer = optim.SGD([w])
    (w * 2).sum().backward()

    optimizer.zero_grad()
    assert w.grad is None
    (w * 3).sum().backward()

    assert w.grad.tolist() == [3]


def test_large_weights_keep_values_and_order_in_an_arena(backend):
    """Large weights of linear layers lie in memory input by input."""
    layer = nets.Linear(300, 300)
    weight = layer.weight.numpy().copy()
    optimizer = optim.SGD(layer.parameters(), lr=1.0)
    slope = np.random.default_rng(0).normal(0, 1, (300, 300)).astype(np.float32)

    layer.weight.grad = slope
    optimizer.step()

    np.testing.assert_allclose(layer.weight.numpy(), weight - slope, rtol=1e-6)
    np.testing.assert_array_equal(layer.state_dict()["weight"], layer.weight.numpy())


def test_a_state_does_not_depend_on_how_weights_lie_in_memory(backend):
    """One of the parameters lies in memory column by column, as large weights of linear layers do."""
    rows = np.arange(6, dtype=np.float32).reshape(2, 3)
    slope = rows * rows
    a, b = (nets.Parameter(0) for _ in range(2))
    a.data, b.data = rows.copy(), np.asfortranarray(rows)
    one, two = optim.Adam([a]), optim.Adam([b])
    a.grad = slope
    one.step()

    two.load_state_dict(one.state_dict())
    b.data = a.numpy().copy()
    for parameter, optimizer in ((a, one), (b, two)):
        parameter.grad = slope
        optimizer.step()

    np.testing.assert_array_equal(b.numpy(), a.numpy())
    for name, array in one.state_dict().items():
        np.testing.assert_array_equal(two.state_dict()[name], array)


# --- clipping ---


def test_clipping_scales_all_gradients_to_a_common_norm(backend):
    a, b = nets.Parameter([0.0, 0.0]), nets.Parameter([[0.0]], dtype=np.float64)
    a.grad, b.grad = [3.0, 0.0], [[4.0]]

    norm = optim.clip_grad_norm_([a, b], 1.0)

    assert norm == pytest.approx(5)
    np.testing.assert_allclose([*a.grad.numpy(), b.grad.item()], [0.6, 0, 0.8], rtol=1e-6)
    assert (a.grad.dtype, b.grad.dtype) == (np.float32, np.float64)
    assert optim.clip_grad_norm_([a, b], 2.0) == pytest.approx(1)
    assert b.grad.item() == pytest.approx(0.8)


def test_clipped_gradients_reach_the_step(backend):
    w = nets.Parameter([0.0, 0.0])
    optimizer = optim.SGD([w], lr=1.0)
    (w * nets.Tensor([3.0, 4.0])).sum().backward()

    optim.clip_grad_norm_([w], 1.0)
    optimizer.step()

    np.testing.assert_allclose(w.numpy(), [-0.6, -0.8], rtol=1e-6)


def test_clipping_values(backend):
    w, unused = nets.Parameter([0.0, 0.0, 0.0]), nets.Parameter([1.0])
    w.grad = [-5.0, 0.5, 5.0]

    optim.clip_grad_value_([w, unused], 1.0)

    assert w.grad.tolist() == [-1, 0.5, 1]


def test_clipping_without_gradients_does_nothing():
    assert optim.clip_grad_norm_([nets.Parameter([1.0])], 1.0) == 0


def test_an_array_that_two_gradients_share_is_scaled_once_for_each(backend):
    a, b = nets.Parameter([0.0, 0.0]), nets.Parameter([0.0, 0.0])
    array = np.float32([3.0, 4.0])
    a.grad, b.grad = array, array

    optim.clip_grad_norm_([a, b], 0.5**0.5)

    np.testing.assert_allclose([a.grad.numpy(), b.grad.numpy()], [[0.3, 0.4]] * 2, rtol=1e-6)
    assert array.tolist() == [3, 4]


@pytest.mark.parametrize("with_optimizer", [False, True])
def test_gradients_with_a_history_are_clipped_out_of_place(backend, with_optimizer):
    """Both parameters share one array of the gradient."""
    a, b = nets.Parameter([0.0, 0.0]), nets.Parameter([0.0, 0.0])
    optimizer = optim.SGD([a, b], lr=1.0) if with_optimizer else None
    (a + b).backward(np.float32([3.0, 4.0]), create_graph=True)

    optim.clip_grad_norm_([a, b], 0.5**0.5)
    np.testing.assert_allclose([a.grad.numpy(), b.grad.numpy()], [[0.3, 0.4]] * 2, rtol=1e-6)
    optim.clip_grad_value_([a, b], 0.35)
    np.testing.assert_allclose([a.grad.numpy(), b.grad.numpy()], [[0.3, 0.35]] * 2, rtol=1e-6)

    if optimizer is not None:
        optimizer.step()
        np.testing.assert_allclose([a.numpy(), b.numpy()], [[-0.3, -0.35]] * 2, rtol=1e-6)


def test_gradients_that_may_not_be_written_are_clipped(backend):
    a, b = nets.Parameter([0.0, 0.0]), nets.Parameter([0.0, 0.0])
    for w in (a, b):
        w.sum().backward(create_graph=True)

    optim.clip_grad_norm_([a], 1.0)
    optim.clip_grad_value_([b], 0.5)

    np.testing.assert_allclose(a.grad.numpy(), [0.5**0.5] * 2, rtol=1e-6)
    assert b.grad.tolist() == [0.5, 0.5]


def test_clipped_gradients_can_be_differentiated(backend):
    """The gradient of w^3 is 3 w^2 = 12, is scaled to 1, and d/dw of that is 6 w / 12."""
    w = nets.Parameter([2.0])
    (w**3).sum().backward(create_graph=True)
    optim.clip_grad_norm_([w], 1.0)
    clipped = w.grad

    w.zero_grad()
    clipped.backward()

    assert w.grad.tolist() == pytest.approx([1])


# --- errors ---


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda w: optim.SGD([w], lr=0), "lr must be positive, got 0"),
        (lambda w: optim.SGD([w], lr=float("nan")), "lr must be positive, got nan"),
        (lambda w: optim.SGD([w], momentum=1.0), r"momentum must be in \[0, 1\), got 1.0"),
        (lambda w: optim.SGD([w], nesterov=True), "nesterov needs a positive momentum"),
        (lambda w: optim.SGD([w], weight_decay=-1), "weight_decay must be at least 0, got -1"),
        (lambda w: optim.RMSProp([w], alpha=1), r"alpha must be in \[0, 1\), got 1"),
        (lambda w: optim.RMSProp([w], eps=0), "eps must be positive, got 0"),
        (lambda w: optim.Adam([w], betas=(0.9, 1.0)), r"betas\[1\] must be in \[0, 1\), got 1.0"),
        (lambda w: optim.Adam([w], betas=(0.9, 0.9, 0.9)), r"betas must be a pair of floats, got \(0.9, 0.9, 0.9\)"),
        (lambda w: optim.AdamW([w], betas=0.9), "betas must be a pair of floats, got 0.9"),
        (lambda w: optim.AdamW([w], eps=-1), "eps must be positive, got -1"),
        (lambda w: optim.SGD([]), "parameters must hold at least one tensor, got none"),
        (lambda w: optim.SGD(w), "parameters must be an iterable of tensors, got one tensor"),
        (lambda w: optim.SGD([w * 2]), "parameters must be leaf tensors"),
        (lambda w: optim.SGD([np.ones(2)]), "parameters must be leaf tensors"),
        (lambda w: optim.clip_grad_norm_([w], 0), "max_norm must be positive, got 0"),
        (lambda w: optim.clip_grad_value_(w, 1), "parameters must be an iterable of tensors, got one tensor"),
        (lambda w: optim.clip_grad_value_([w], -1), "clip_value must be positive, got -1"),
    ],
)
def test_settings_that_break_a_rule_are_named(wrong, message):
    with pytest.raises(nets.ArgumentError, match=message):
        wrong(nets.Parameter([1.0]))


@pytest.mark.parametrize("kind", [optim.SGD, optim.RMSProp, optim.Adam, optim.AdamW])
def test_only_floats_can_be_learned(kind):
    with pytest.raises(nets.DtypeError, match="parameters must be tensors of floats, got dtype int64"):
        kind([nets.Parameter([1.0]), nets.Tensor([1, 2])])
