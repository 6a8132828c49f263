"""Elementary operations: values against NumPy, gradients and second derivatives against central differences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, mutually_broadcastable_shapes

import nets
from nets import ops
from nets.testing import check_grads

pytestmark = pytest.mark.usefixtures("backend")


def some(*shape, seed=0, low=-2.0, high=2.0):
    return np.random.default_rng(seed).uniform(low, high, shape)


def apart(*shape, seed=0):
    """Return numbers of which no two are close, nor any close to 0: no kink is near."""
    n = int(np.prod(shape))
    return np.random.default_rng(seed).permutation(np.arange(n) - n / 2 + 0.3).reshape(shape)


POSITIVE = some(2, 3, low=0.3, high=3.0)

UNARY = {
    "neg": (ops.neg, some(2, 3)),
    "exp": (ops.exp, some(2, 3)),
    "log": (ops.log, POSITIVE),
    "sqrt": (ops.sqrt, POSITIVE),
    "sin": (ops.sin, some(2, 3)),
    "cos": (ops.cos, some(2, 3)),
    "tanh": (ops.tanh, some(2, 3)),
    "sigmoid": (ops.sigmoid, some(2, 3)),
    "relu": (ops.relu, apart(2, 3)),
    "abs": (ops.absolute, apart(2, 3)),
    "clip": (lambda a: ops.clip(a, -1.1, 1.1), apart(2, 3)),
    "clip from below": (lambda a: ops.clip(a, low=0.0), apart(2, 3)),
    "square": (lambda a: a**2, some(2, 3)),
    "cube": (lambda a: a**3, some(2, 3)),
    "root": (lambda a: a**0.5, POSITIVE),
    "inverse": (lambda a: a**-1, POSITIVE),
    "power 0": (lambda a: a**0, POSITIVE),
    "base 2": (lambda a: 2**a, some(2, 3)),
    "plus 2": (lambda a: a + 2, some(2, 3)),
    "2 minus": (lambda a: 2 - a, some(2, 3)),
    "times 2": (lambda a: 2 * a, some(2, 3)),
    "half": (lambda a: a / 2, some(2, 3)),
    "2 over": (lambda a: 2 / a, POSITIVE),
    "sum": (lambda a: a.sum(), some(2, 3)),
    "sum of rows": (lambda a: a.sum(1), some(2, 3)),
    "sum kept": (lambda a: a.sum(0, keepdim=True), some(2, 3)),
    "sum of two axes": (lambda a: a.sum((0, -1)), some(2, 3, 2)),
    "mean": (lambda a: a.mean(0), some(2, 3)),
    "var": (lambda a: a.var(1), some(2, 3)),
    "biased var": (lambda a: a.var(correction=0), some(2, 3)),
    "std": (lambda a: a.std(1, keepdim=True), some(2, 3)),
    "max": (lambda a: a.max(1), apart(2, 3)),
    "max of all": (lambda a: a.max(), apart(2, 3)),
    "min": (lambda a: a.min(0, keepdim=True), apart(2, 3)),
    "logsumexp": (lambda a: a.logsumexp(1), some(2, 3)),
    "logsumexp of all": (lambda a: a.logsumexp(keepdim=True), some(2, 3)),
    "reshape": (lambda a: a.reshape(3, -1), some(2, 3)),
    "view": (lambda a: a.view((6,)), some(2, 3)),
    "permute": (lambda a: a.permute(2, 0, -2), some(2, 3, 4)),
    "transpose": (lambda a: a.transpose(0, -1), some(2, 3, 4)),
    "T": (lambda a: a.T, some(2, 3)),
    "squeeze": (lambda a: a.squeeze(1), some(2, 1, 3)),
    "squeeze all": (lambda a: a.squeeze(), some(1, 2, 1)),
    "unsqueeze": (lambda a: a.unsqueeze(-1), some(2, 3)),
    "flatten": (lambda a: a.flatten(1), some(2, 3, 2)),
    "broadcast_to": (lambda a: a.broadcast_to((4, 2, 3)), some(2, 1)),
    "expand": (lambda a: a.expand(4, -1, 3), some(2, 1)),
    "pad": (lambda a: ops.pad(a, [(1, 0), (0, 2)]), some(2, 3)),
    "row": (lambda a: a[1], some(3, 2)),
    "element": (lambda a: a[1, -1], some(3, 2)),
    "slice": (lambda a: a[::2, 1:], some(3, 2)),
    "new axis": (lambda a: a[:, None, ..., 0], some(3, 2)),
    "rows": (lambda a: a[[0, 2]], some(3, 2)),
    "rows taken twice": (lambda a: a[[0, 2, 0, 0]], some(3, 2)),
    "pairs taken twice": (lambda a: a[np.array([0, 2, 0]), nets.Tensor([1, 1, 1])], some(3, 2)),
    "mask": (lambda a: a[np.array([True, False, True])], some(3, 2)),
    "split": (lambda a: a.split(2, 1), some(2, 5)),
    "split sizes": (lambda a: a.split([1, 3], 0), some(4, 2)),
    "chunk": (lambda a: a.chunk(2, -1), some(2, 3)),
    "iteration": (lambda a: list(a), some(3, 2)),
    "clone": (lambda a: a.clone(), some(2, 3)),
    "to": (lambda a: a.to(np.float64), some(2, 3)),
    "scatter": (lambda a: ops.scatter(a, np.array([1, 1, 0]), (2, 2)), some(3, 2)),
}


@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one_tensor_have_right_first_and_second_derivatives(name):
    function, x = UNARY[name]

    check_grads(function, x, order=2)


BINARY = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / (b * b + 1),
    "pow": lambda a, b: (a * a + 0.5) ** b,
    "maximum": ops.maximum,
    "minimum": ops.minimum,
    "where": lambda a, b: ops.where(np.array([True, False, True]), a, b),
}
STRETCHED = [((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((4, 1, 3), (2, 1)), ((), (2, 3)), ((1, 3), ())]


@pytest.mark.parametrize("shapes", STRETCHED, ids=str)
@pytest.mark.parametrize("name", BINARY)
def test_functions_of_two_tensors_sum_gradients_over_stretched_axes(name, shapes):
    a, b = apart(*shapes[0], seed=1) / 3, apart(*shapes[1], seed=2) / 3 + 0.1

    check_grads(BINARY[name], a, b, order=2)


PRODUCTS = [
    ((2, 3), (3, 4)),
    ((3,), (3,)),
    ((3,), (3, 4)),
    ((2, 3), (3,)),
    ((5, 2, 3), (5, 3, 4)),
    ((5, 2, 3), (3, 4)),
    ((2, 3), (5, 3, 4)),
    ((5, 1, 2, 3), (4, 3, 2)),
    ((3,), (5, 3, 2)),
    ((5, 2, 3), (3,)),
]


@pytest.mark.parametrize("shapes", PRODUCTS, ids=str)
def test_matrix_products_of_vectors_matrices_and_batches(shapes):
    a, b = some(*shapes[0], seed=1), some(*shapes[1], seed=2)

    np.testing.assert_allclose((nets.Tensor(a) @ b).numpy(), a @ b)
    check_grads(ops.matmul, a, b, order=2)


def test_joining_sends_each_part_its_gradient():
    parts = some(2, 3, seed=1), some(2, 1, seed=2), some(2, 3, seed=3)

    check_grads(lambda *t: ops.cat(t, 1), *parts, order=2)
    check_grads(lambda *t: ops.stack(t[::2], -1), *parts, order=2)


def test_joining_a_tensor_with_itself_adds_up_its_gradients():
    check_grads(lambda a: ops.cat([a, a * 2, a], 0), some(2, 3))


@settings(max_examples=25)
@given(shapes=mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=3), data=st.data())
def test_gradients_fit_any_shapes_that_broadcast(shapes, data):
    a, b = (some(*shape, seed=i) for i, shape in enumerate(shapes.input_shapes))
    name = data.draw(st.sampled_from(["add", "sub", "mul", "div"]))

    assert BINARY[name](nets.Tensor(a), nets.Tensor(b)).shape == shapes.result_shape
    check_grads(BINARY[name], a, b)


@settings(max_examples=25)
@given(shape=array_shapes(max_dims=4, max_side=3), data=st.data())
def test_reductions_work_over_any_axes(shape, data):
    axes = tuple(data.draw(st.sets(st.integers(0, len(shape) - 1), min_size=1)))
    keep = data.draw(st.booleans())
    x = apart(*shape)

    np.testing.assert_allclose(nets.Tensor(x).max(axes, keep).numpy(), x.max(axes, keepdims=keep))
    check_grads(lambda a: [a.sum(axes, keep), a.mean(axes, keep), a.max(axes, keep), a.logsumexp(axes, keep)], x)


def test_equal_maxima_share_the_gradient():
    x = nets.Tensor([1.0, 3.0, 3.0], requires_grad=True)

    x.max().backward()

    assert x.grad.tolist() == [0, 0.5, 0.5]


def test_equal_numbers_share_the_gradient_of_their_maximum():
    a, b = nets.Tensor([2.0, 1.0], requires_grad=True), nets.Tensor([2.0, 5.0], requires_grad=True)

    ops.maximum(a, b).sum().backward()

    assert a.grad.tolist() == [0.5, 0]
    assert b.grad.tolist() == [0.5, 1]


def test_powers_of_zero_have_finite_gradients():
    x = nets.Tensor([0.0, 0.0, 2.0], requires_grad=True)
    n = nets.Tensor([0.0, 2.0, 3.0], requires_grad=True)

    (x**n).sum().backward()

    np.testing.assert_allclose(x.grad.numpy(), [0, 0, 12])
    np.testing.assert_allclose(n.grad.numpy(), [0, 0, 8 * np.log(2)], rtol=1e-6)


def test_logsumexp_of_large_numbers_does_not_overflow():
    assert ops.logsumexp(nets.Tensor([1000.0, 1000.0])).item() == pytest.approx(1000 + np.log(2))


def test_logsumexp_of_infinities():
    assert ops.logsumexp(nets.Tensor([np.inf, 0.0])).item() == np.inf
    with np.errstate(divide="ignore"):  # the logarithm of 0, which it is
        assert ops.logsumexp(nets.Tensor([-np.inf, -np.inf])).item() == -np.inf


def test_nan_passes_through_maxima_and_activations():
    x = nets.Tensor([np.nan, 1.0])

    for y in (x.max(), ops.maximum(x, 0), x.relu(), x.sigmoid(), x.tanh(), x.clip(0, 1)):
        assert np.isnan(y.numpy()).any()


# --- kinds of numbers ---


@pytest.mark.parametrize("number", [2, 2.5, True, np.float64(2.5), np.float32(2.5), np.int64(2)])
def test_numbers_do_not_change_the_dtype_of_a_tensor(number):
    x = nets.Tensor([1.0, 2.0])
    results = [x + number, number + x, x - number, number - x, x * number, number * x, x / number, number / x]
    results += [
        x**number,
        number**x,
        ops.maximum(x, number),
        ops.minimum(number, x),
        ops.where([True, False], x, number),
    ]

    assert {y.dtype for y in results} == {np.dtype(np.float32)}


def test_numbers_keep_their_digits_beside_float64():
    x = nets.Tensor(np.ones(1))

    assert ops.maximum(x, 1.1).item() == 1.1
    assert (2.1**x).item() == 2.1
    assert ops.where([False], x, 0.1).item() == 0.1


def test_ints_beside_floats_become_floats_of_that_kind():
    i, x = nets.Tensor([1, 2]), nets.Tensor([1.0, 2.0], requires_grad=True)
    results = [i + x, x - i, i * x, x / i, x**i, ops.maximum(i, x), ops.where([True, False], i, x), ops.cat([i, x])]

    assert {y.dtype for y in results} == {np.dtype(np.float32)}


def test_ints_and_a_float_give_float32():
    i = nets.Tensor([1, 2])
    results = [i + 0.5, i * 0.5, i / 2, 0.5 - i, 1 / i, i**0.5, i.mean(), i.exp(), i.sqrt(), i.tanh(), i.var()]
    results += [ops.where([True, False], i, 0.5)]

    assert {y.dtype for y in results} == {np.dtype(np.float32)}
    assert (i + 1).dtype == np.int64


def test_gradients_come_back_in_the_dtype_of_each_operand():
    single = nets.Tensor([1.0], requires_grad=True)
    double = nets.Tensor(np.array([2.0]), requires_grad=True)
    h = single * 3
    h.retain_grad()

    for y in (h * double, h + double, h - double, h / double, h @ double, ops.maximum(h, double), ops.cat([h, double])):
        assert y.dtype == np.float64
        y.sum().backward(retain_graph=True)

    assert h.grad.dtype == single.grad.dtype == np.float32
    assert double.grad.dtype == np.float64


# --- errors ---


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda x: x + np.ones(4), r"add: shapes \(2, 3\) and \(4,\) do not broadcast"),
        (lambda x: ops.maximum(x, np.ones(4)), r"maximum: shapes \(2, 3\) and \(4,\) do not broadcast"),
        (lambda x: ops.where(np.ones(4), x, x), r"where: shapes \(4,\), \(2, 3\) and \(2, 3\)"),
        (lambda x: x @ np.ones((2, 3)), r"matmul: shapes \(2, 3\) and \(2, 3\) do not fit: 3 against 2"),
        (lambda x: x @ 2.0, "matmul: both need at least one axis"),
        (lambda x: x.reshape(4), r"reshape: shape \(2, 3\) has 6 elements and does not fit \(4,\)"),
        (lambda x: x.permute(0, 0), "permute: dims must name each of the 2 axes"),
        (lambda x: x.transpose(0, 2), "transpose: axes 0 and 2"),
        (lambda x: x.sum(2), r"sum: dim must be in \[-2, 2\) for shape \(2, 3\), got 2"),
        (lambda x: x.sum((0, -2)), "sum: dim names an axis twice"),
        (lambda x: x.argmax(2), r"argmax: dim must be in \[-2, 2\)"),
        (lambda x: x[:0].max(), "max over no element"),
        (lambda x: x[:0].mean(), "mean over no element"),
        (lambda x: x[:1].var(0), "var with correction 1 needs more than 1 elements, got 1"),
        (lambda x: x[5], r"index into shape \(2, 3\)"),
        (lambda x: x.unsqueeze(4), "unsqueeze: dim must be in"),
        (lambda x: x.broadcast_to((3, 3)), r"broadcast_to: shape \(2, 3\) does not stretch to \(3, 3\)"),
        (lambda x: x.split([1, 3]), r"split: sizes \[1, 3\] do not add up to 2"),
        (lambda x: ops.cat([x, x.T]), "cat along axis 0: shapes differ elsewhere"),
        (lambda x: ops.pad(x, [(1, 1)]), "pad: widths must be 2 pairs"),
        (lambda x: x == np.ones(4), r"equal: shapes \(2, 3\) and \(4,\) do not broadcast"),
        (lambda x: x < np.ones((3, 3)), r"less: shapes \(2, 3\) and \(3, 3\) do not broadcast"),
    ],
)
def test_shapes_that_do_not_fit_are_named(wrong, message):
    with pytest.raises(nets.ShapeError, match=message):
        wrong(nets.Tensor(np.ones((2, 3))))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda x: x.clip(), "clip needs low, high or both"),
        (lambda x: x.split(0), "split: size must be at least 1, got 0"),
        (lambda x: x.split([-1, 3]), r"split: sizes must not be negative, got \[-1, 3\]"),
        (lambda x: x.chunk(0), "chunk: chunks must be at least 1, got 0"),
        (lambda x: ops.cat([]), "cat needs at least one tensor"),
        (lambda x: x.sum(1.0), r"sum: dim must be an int or several, got \(1.0,\)"),
        (lambda x: x.mean((0, 1.0)), r"mean: dim must be an int or several, got \(0, 1.0\)"),
        (lambda x: x.var("rows"), "var: dim must be an int or several, got"),
        (lambda x: x.argmax((0, 1)), r"argmax: dim must be an int or None, got \(0, 1\)"),
        (lambda x: x.unsqueeze(1.0), "unsqueeze: dim must be an int or several"),
        (lambda x: x.reshape(2.0, 3), r"reshape: shape must be an int or several, got \(2.0, 3\)"),
        (lambda x: x.broadcast_to((1, 2.0, 3)), "broadcast_to: shape must be an int or several"),
        (lambda x: x.permute(1.0, 0), "permute: dims must be an int or several"),
    ],
)
def test_settings_that_break_a_rule_are_named(wrong, message):
    with pytest.raises(nets.ArgumentError, match=message):
        wrong(nets.Tensor(np.ones((2, 3))))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda n: n**-1, "pow: int64 has no negative powers"),
        (lambda n: 2**-n, "pow: int64 has no negative powers"),
        (lambda n: n ** nets.Tensor([-1, 1]), "pow: int64 has no negative powers"),
        (lambda n: -(n == 1), "neg: bools have no negative"),
        (lambda n: (n == 1) - (n == 2), "sub is not for bool and bool"),
    ],
)
def test_numbers_of_the_wrong_kind_are_named(wrong, message):
    with pytest.raises(nets.DtypeError, match=message):
        wrong(nets.Tensor([1, 2]))


def test_axes_may_be_ints_of_numpy():
    x = nets.Tensor(some(2, 3))

    assert x.sum(np.int64(1)).shape == (2,)
    assert x.argmax(np.int64(0)).shape == (3,)
    assert x.reshape(np.array([3, 2])).shape == (3, 2)


@pytest.mark.parametrize("take", [lambda t, i: t[i], lambda t, i: t[:, i], lambda t, i: t[i, [0, 0]]])
@pytest.mark.parametrize("kind", [np.array, list])
def test_an_index_changed_after_it_was_used_does_not_move_the_gradient(take, kind):
    t = nets.Tensor(np.zeros((4, 4)), requires_grad=True)
    index = kind([0, 1])
    y = take(t, index)
    (unmoved,) = nets.gradients(y.sum(), [t], retain_graph=True)

    index[:] = [3, 3]
    y.sum().backward()

    np.testing.assert_array_equal(t.grad.numpy(), unmoved.numpy())


def test_a_mask_changed_after_it_was_used_does_not_move_the_gradient():
    t = nets.Tensor(np.zeros(3), requires_grad=True)
    mask = np.array([True, False, True])
    y = t[mask].sum()

    mask[:] = [False, True, True]
    y.backward()

    assert t.grad.tolist() == [1, 0, 1]


def test_the_index_of_a_scatter_changed_afterwards_does_not_move_the_gradient():
    a, index = nets.Tensor(np.ones(2), requires_grad=True), np.array([0, 1])
    y = (ops.scatter(a, index, (4,)) * np.arange(4.0)).sum()

    index[:] = 3
    y.backward()

    assert a.grad.tolist() == [0, 1]


def test_an_empty_list_takes_nothing():
    t = nets.Tensor(np.zeros(3), requires_grad=True)

    t[[]].sum().backward()

    assert t.grad.tolist() == [0, 0, 0]


@pytest.mark.parametrize("op", [ops.maximum, ops.minimum])
def test_the_gradient_at_a_nan_reaches_the_operand_that_holds_it(op):
    a = nets.Tensor([np.nan, 1.0, 2.0, 3.0, 3.0], requires_grad=True)
    b = nets.Tensor([0.0, np.nan, 1.0, 4.0, 3.0], requires_grad=True)

    op(a, b).sum().backward()

    right = [[1, 1, 1, 0, 0.5], [1, 1, 0, 1, 0.5]]  # as PyTorch does
    assert [a.grad.tolist(), b.grad.tolist()] == (
        right if op is ops.maximum else [[1, 1, 0, 1, 0.5], [1, 1, 1, 0, 0.5]]
    )
