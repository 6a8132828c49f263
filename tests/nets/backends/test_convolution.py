"""Convolution: the reference against the sum that defines it, the kernels against the reference."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.convolution import PADDING, STEPS, STRIDE, inputs, measure, pytorch, table
from nets.backends import load
from nets.backends.jit.conv_blocks import chunk_size, row_blocks
from nets.backends.reference.convolution import conv2d_output_size, conv_transpose2d_output_size
from nets.backends.reference.pointwise import FROM_OUTPUT

BACKENDS = ("numpy", "numba")
TOLERANCE = {np.float32: {"rtol": 2e-4, "atol": 2e-5}, np.float64: {"rtol": 1e-9, "atol": 1e-10}}

# kernel, stride, padding, dilation, groups; the images are 4 -> 6 channels of 9 x 7
CASES = [
    ((1, 1), (1, 1), (0, 0), (1, 1), 1),
    ((1, 1), (2, 2), (0, 0), (1, 1), 1),
    ((1, 1), (1, 1), (1, 0), (1, 1), 1),
    ((3, 3), (1, 1), (1, 1), (1, 1), 1),
    ((3, 3), (2, 2), (1, 1), (1, 1), 1),
    ((3, 3), (2, 3), (0, 2), (1, 1), 1),
    ((3, 3), (1, 1), (2, 2), (2, 2), 1),
    ((2, 4), (1, 2), (1, 3), (1, 1), 1),
    ((3, 2), (3, 1), (1, 1), (2, 3), 1),
    ((5, 5), (1, 1), (4, 4), (1, 1), 1),
    ((3, 3), (1, 1), (1, 1), (1, 1), 2),
    ((3, 2), (2, 1), (1, 2), (1, 2), 2),
    ((1, 1), (1, 1), (0, 0), (1, 1), 2),
    ((9, 7), (1, 1), (0, 0), (1, 1), 1),
]
DEPTHWISE = [
    ((3, 3), (1, 1), (1, 1), (1, 1), 6),
    ((3, 2), (2, 1), (1, 2), (1, 2), 6),
    ((2, 2), (2, 2), (0, 0), (1, 1), 6),
]
FEW_OR_MANY = [(case, channels) for case in CASES[:10] for channels in ((1, 6), (9, 1), (9, 2))]
FEW_OR_MANY += [(case, (6, 6)) for case in DEPTHWISE]
"""Settings, and channels in and out, that take ways of their own: few in, few out, or a group for each."""


def arrays(case, dtype=np.float64, channels=(4, 6), n=3, size=(9, 7), transposed=False, seed=0):
    """Return x, weight, bias and the numbers after them: stride, padding, dilation, groups."""
    kernel, *rest, groups = case
    rng = np.random.default_rng(seed)
    of, to = channels
    shape = (of, to // groups, *kernel) if transposed else (to, of // groups, *kernel)
    x = rng.normal(size=(n, of, *size)).astype(dtype)
    return x, rng.normal(size=shape).astype(dtype), rng.normal(size=to).astype(dtype), (*rest, groups)


def transposed_setting(setting):
    """Put an output padding, as large as the strides allow, into (stride, padding, dilation, groups)."""
    stride, padding, dilation, groups = setting
    return stride, padding, (stride[0] - 1, stride[1] - 1), dilation, groups


def loops(x, weight, bias, stride, padding, dilation, groups):
    """Return the convolution as the sum that defines it."""
    o, per_group, kh, kw = weight.shape
    out = conv2d_output_size(x.shape[2:], (kh, kw), stride, padding, dilation)
    padded = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    z = np.empty((len(x), o, *out), x.dtype)
    for n, k, i, j in np.ndindex(z.shape):
        z[n, k, i, j] = bias[k]
        for c, u, v in np.ndindex(per_group, kh, kw):
            channel = k // (o // groups) * per_group + c
            pixel = padded[n, channel, i * stride[0] + u * dilation[0], j * stride[1] + v * dilation[1]]
            z[n, k, i, j] += weight[k, c, u, v] * pixel
    return z


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_convolution_is_the_sum_that_defines_it(name, case):
    x, weight, bias, setting = arrays(case, n=2)

    y, _ = load(name).conv2d(x, weight, bias, *setting)

    np.testing.assert_allclose(y, loops(x, weight, bias, *setting), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("case", "channels"), FEW_OR_MANY, ids=str)
def test_few_channels_in_or_out_make_no_difference(case, channels):
    for transposed in (False, True):
        x, weight, bias, setting = arrays(case, channels=channels, transposed=transposed)
        setting = transposed_setting(setting) if transposed else setting

        expected, found = (
            forward_and_back(load(name), transposed, x, weight, bias, setting, "tanh") for name in BACKENDS
        )

        for a, b in zip(expected, found, strict=True):
            assert a.shape == b.shape
            np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", FROM_OUTPUT)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_kernels_compute_what_the_reference_does(case, activation, dtype):
    for transposed in (False, True):
        x, weight, bias, setting = arrays(case, dtype, transposed=transposed)
        setting = transposed_setting(setting) if transposed else setting

        expected, found = (
            forward_and_back(load(name), transposed, x, weight, bias, setting, activation) for name in BACKENDS
        )

        for a, b in zip(expected, found, strict=True):
            assert a.dtype == b.dtype == dtype
            np.testing.assert_allclose(b, a, **TOLERANCE[dtype])


def forward_and_back(ops, transposed, x, weight, bias, setting, activation="identity", seed=1):
    """Return y, dL/dx, dL/dW and dL/db for a random dL/dy."""
    forward = ops.conv_transpose2d if transposed else ops.conv2d
    backward = ops.conv_transpose2d_backward if transposed else ops.conv2d_backward
    y, saved = forward(x, weight, bias, *setting, activation)
    grad = np.random.default_rng(seed).normal(size=y.shape).astype(y.dtype)
    return y, *backward(grad, x, weight, y, saved, *setting, activation)


@settings(max_examples=60)
@given(data=st.data())
def test_kernels_agree_with_the_reference_on_any_shape(data):
    def pair(low, high):
        return data.draw(st.tuples(st.integers(low, high), st.integers(low, high)))

    kernel, stride, dilation, groups = pair(1, 4), pair(1, 3), pair(1, 2), data.draw(st.integers(1, 3))
    padding = pair(0, 3)
    channels = (groups * data.draw(st.integers(1, 7)), groups * data.draw(st.integers(1, 6)))
    size = tuple(
        data.draw(st.integers(max(1, d * (k - 1) + 1 - 2 * p), 12))
        for k, d, p in zip(kernel, dilation, padding, strict=True)
    )
    n, dtype = data.draw(st.integers(1, 3)), data.draw(st.sampled_from([np.float32, np.float64]))
    case = (kernel, stride, padding, dilation, groups)
    for transposed in (False, True):
        if transposed and min(conv_transpose2d_output_size(size, kernel, stride, padding, (0, 0), dilation)) < 1:
            continue
        x, weight, bias, setting = arrays(case, dtype, channels, n, size, transposed)
        setting = (stride, padding, (0, 0), dilation, groups) if transposed else setting

        expected, found = (forward_and_back(load(name), transposed, x, weight, bias, setting) for name in BACKENDS)

        for a, b in zip(expected, found, strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("transposed", [False, True], ids=["conv", "conv_transpose"])
@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradients_are_central_differences(name, case, transposed):
    ops, eps = load(name), 1e-5
    x, weight, bias, setting = arrays(case, n=2, transposed=transposed)
    setting = transposed_setting(setting) if transposed else setting
    forward = ops.conv_transpose2d if transposed else ops.conv2d
    rng = np.random.default_rng(1)

    y, *gradients = forward_and_back(ops, transposed, x, weight, bias, setting, "tanh")

    grad = np.random.default_rng(1).normal(size=y.shape)
    for k in range(3):
        step = [eps * rng.normal(size=a.shape) if i == k else 0 for i, a in enumerate((x, weight, bias))]
        up, _ = forward(x + step[0], weight + step[1], bias + step[2], *setting, "tanh")
        down, _ = forward(x - step[0], weight - step[1], bias - step[2], *setting, "tanh")
        expected = ((up - down) * grad).sum() / 2
        np.testing.assert_allclose((gradients[k] * step[k]).sum(), expected, rtol=1e-6, atol=1e-11)


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_transposed_convolution_is_the_adjoint(name, case):
    """<conv(x), y> = <x, conv_transpose(y)>, for the same weight."""
    ops = load(name)
    x, weight, _, (stride, padding, dilation, groups) = arrays(case)

    z, _ = ops.conv2d(x, weight, None, stride, padding, dilation, groups)
    y = np.random.default_rng(2).normal(size=z.shape)
    base = conv_transpose2d_output_size(z.shape[2:], weight.shape[2:], stride, padding, (0, 0), dilation)
    missing = tuple(a - b for a, b in zip(x.shape[2:], base, strict=True))
    back, _ = ops.conv_transpose2d(y, weight, None, stride, padding, missing, dilation, groups)

    assert back.shape == x.shape
    np.testing.assert_allclose((z * y).sum(), (x * back).sum(), rtol=1e-10)


@pytest.mark.parametrize("name", BACKENDS)
def test_strides_do_not_matter_and_inputs_stay_as_they_are(name):
    ops = load(name)
    for transposed in (False, True):
        x, weight, bias, setting = arrays(CASES[4], channels=(6, 6), size=(8, 8), transposed=transposed)
        setting = transposed_setting(setting) if transposed else setting
        expected = forward_and_back(ops, transposed, x, weight, bias, setting, "relu")
        wide = np.zeros((3, 12, 16, 16))
        wide[:, ::2, ::2, ::2] = x
        variants = [
            wide[:, ::2, ::2, ::2],
            np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2),
            np.ascontiguousarray(x[:, :, ::-1])[:, :, ::-1],
            x.copy(),
        ]
        variants[-1].flags.writeable = False
        for variant in variants:
            copies = [a.copy() for a in (variant, weight, bias)]

            found = forward_and_back(ops, transposed, variant, weight, bias, setting, "relu")

            for a, b in zip(expected, found, strict=True):
                np.testing.assert_allclose(b, a, rtol=1e-10, atol=1e-12)
            for a, b in zip((variant, weight, bias), copies, strict=True):
                np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("activation", FROM_OUTPUT)
@pytest.mark.parametrize("name", BACKENDS)
def test_gradient_may_come_in_any_strides_and_stays_as_it_is(name, activation):
    ops = load(name)
    x, weight, bias, setting = arrays(CASES[3], size=(8, 8))
    y, saved = ops.conv2d(x, weight, bias, *setting, activation)
    grad = np.random.default_rng(3).normal(size=(1, 6, 8, 1))
    broadcast = np.broadcast_to(grad, y.shape)

    expected = ops.conv2d_backward(broadcast.copy(), x, weight, y, saved, *setting, activation)
    found = ops.conv2d_backward(broadcast, x, weight, y, saved, *setting, activation)
    last = np.ascontiguousarray(broadcast.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    last.flags.writeable = False
    again = ops.conv2d_backward(last, x, weight, y, saved, *setting, activation)

    for a, b, c in zip(expected, found, again, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(c, a, rtol=1e-12, atol=1e-13)
    np.testing.assert_array_equal(last, broadcast)


@pytest.mark.parametrize("name", BACKENDS)
def test_only_what_is_needed_is_computed(name):
    ops = load(name)
    x, weight, bias, setting = arrays(CASES[4])
    y, saved = ops.conv2d(x, weight, bias, *setting)
    t, kept = ops.conv_transpose2d(x, weight.swapaxes(0, 1).copy(), bias, *transposed_setting(setting))
    for needs in ((True, False, False), (False, True, False), (False, False, True), (False, False, False)):
        found = ops.conv2d_backward(y, x, weight, y, saved, *setting, needs=needs)
        back = ops.conv_transpose2d_backward(
            t, x, weight.swapaxes(0, 1).copy(), t, kept, *transposed_setting(setting), needs=needs
        )

        assert tuple(g is not None for g in found) == needs
        assert tuple(g is not None for g in back) == needs


@pytest.mark.parametrize("activation", FROM_OUTPUT)
@pytest.mark.parametrize("name", BACKENDS)
def test_nan_propagates_to_what_saw_it(name, activation):
    ops = load(name)
    x, weight, bias, setting = arrays(CASES[3], np.float32)
    x[1, 2, 4, 3] = np.nan

    y, saved = ops.conv2d(x, weight, bias, *setting, activation)
    _, gw, _ = ops.conv2d_backward(np.ones_like(y), x, weight, y, saved, *setting, "identity")

    seen = np.zeros(y.shape, bool)
    seen[1, :, 3:6, 2:5] = True
    np.testing.assert_array_equal(np.isnan(y), seen)
    assert np.isnan(gw[:, 2]).all()
    assert not np.isnan(gw[:, 1]).any()


@pytest.mark.parametrize("name", BACKENDS)
def test_memory_is_channels_last(name):
    ops = load(name)
    x, weight, bias, setting = arrays(CASES[3])
    for transposed in (False, True):
        given_weight = weight.swapaxes(0, 1).copy() if transposed else weight
        given_setting = transposed_setting(setting) if transposed else setting
        y, gx, gw, _ = forward_and_back(ops, transposed, x, given_weight, bias, given_setting, "relu")

        assert y.transpose(0, 2, 3, 1).flags.c_contiguous
        assert gx.transpose(0, 2, 3, 1).flags.c_contiguous
        assert gw.flags.c_contiguous


def test_images_larger_than_a_block_are_cut():
    """Columns of 1.2 MB an image, so an image is unfolded in parts; those of few channels too."""
    for channels, size in (((16, 8), (46, 46)), ((1, 2), (160, 160))):
        for transposed in (False, True):
            x, weight, bias, setting = arrays(CASES[3], np.float32, channels, 2, size, transposed)
            setting = transposed_setting(setting) if transposed else setting

            expected, found = (
                forward_and_back(load(name), transposed, x, weight, bias, setting, "relu") for name in BACKENDS
            )

            for a, b in zip(expected, found, strict=True):
                np.testing.assert_allclose(b, a, rtol=1e-3, atol=2e-3)


def test_blocks_cover_all_rows_once():
    for n_images, rows, row_bytes in ((3, 14, 1 << 14), (5, 7, 1 << 18), (2, 30, 1 << 22), (64, 28, 3000)):
        blocks = list(row_blocks(n_images, rows, row_bytes))

        covered = [row for first, last in blocks for row in range(first, last)]
        assert covered == list(range(n_images * rows))
        assert all(first // rows == (last - 1) // rows or first % rows == last % rows == 0 for first, last in blocks)


def test_chunks_divide_what_they_cut():
    assert chunk_size(784, 217, 14) == 196
    assert chunk_size(49, 48, 14) == 49
    assert chunk_size(97, 50, 14) == 97


def test_all_steps_from_the_loop_to_the_kernel_give_the_same_numbers():
    x, weight = inputs(2)
    x, weight = x[:, :3, :9, :8], weight[:5, :3]
    expected = loops(x, weight, np.zeros(5, np.float32), (STRIDE, STRIDE), (PADDING, PADDING), (1, 1), 1)

    steps = {name: step for name, (step, _) in STEPS.items()} | pytorch()
    for name, step in steps.items():
        z = step(x, weight, STRIDE, PADDING)

        assert z.dtype == np.float32, name
        np.testing.assert_allclose(z, expected, rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.slow
def test_the_road_is_measured_from_the_slowest_step_on():
    rows = measure(rounds=1, n_images=4)

    assert [row.name for row in rows][: len(STEPS)] == list(STEPS)
    assert rows[0].speedup == 1
    assert table(rows).row_count == len(rows)


@pytest.mark.parametrize("name", BACKENDS)
def test_an_empty_batch_has_an_empty_result(name):
    for transposed in (False, True):
        x, weight, bias, setting = arrays(CASES[3], n=0, transposed=transposed)
        setting = transposed_setting(setting) if transposed else setting

        y, gx, gw, gb = forward_and_back(load(name), transposed, x, weight, bias, setting, "relu")

        assert y.shape == (0, 6, 9, 7)
        assert gx.shape == x.shape
        np.testing.assert_array_equal(gw, np.zeros_like(weight))
        np.testing.assert_array_equal(gb, np.zeros(6))
