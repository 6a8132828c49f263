"""Learning rates over time, and averaged weights."""

import math

import numpy as np
import pytest

import nets
from nets import optim, schedules


def rates(make, n):
    optimizer = optim.SGD([nets.Parameter([1.0])], lr=2.0)
    schedule = make(optimizer)
    found = []
    for _ in range(n):
        found.append(optimizer.lr)
        schedule.step()
    return found


def test_a_constant_rate():
    assert rates(schedules.ConstantLR, 3) == [2, 2, 2]


def test_steps():
    assert rates(lambda o: schedules.StepLR(o, 2, gamma=0.5), 6) == [2, 2, 1, 1, 0.5, 0.5]


def test_a_cosine_falls_to_its_end_and_stays():
    found = rates(lambda o: schedules.CosineLR(o, 4, final=0.1), 7)

    expected = [2 * (0.1 + 0.9 * (1 + math.cos(math.pi * t / 4)) / 2) for t in range(5)]
    assert found == pytest.approx([*expected, 0.2, 0.2])


def test_a_cosine_warms_up():
    found = rates(lambda o: schedules.CosineLR(o, 6, warmup=2), 7)

    assert found == pytest.approx([1, 2, 2, *(1 + math.cos(math.pi * t / 4) for t in (1, 2, 3, 4))])


def test_a_linear_warm_up_stays_or_hands_over():
    assert rates(lambda o: schedules.LinearWarmup(o, 4), 6) == pytest.approx([0.5, 1, 1.5, 2, 2, 2])
    after = rates(lambda o: schedules.LinearWarmup(o, 2, schedules.StepLR(o, 1, 0.5)), 5)
    assert after == pytest.approx([1, 2, 2, 1, 0.5])
    cosine = rates(lambda o: schedules.LinearWarmup(o, 1, schedules.CosineLR(o, 4, warmup=2)), 3)
    assert cosine == pytest.approx([2, 1, 2])


@pytest.mark.parametrize("n", [0, 3])
def test_a_schedule_goes_on_from_its_state(n):
    optimizer = optim.SGD([nets.Parameter([1.0])], lr=2.0)
    schedule = schedules.CosineLR(optimizer, 10)
    for _ in range(n):
        schedule.step()
    later = optim.SGD([nets.Parameter([1.0])], lr=5.0)
    twin = schedules.CosineLR(later, 10)

    twin.load_state_dict(schedule.state_dict())
    assert later.lr == optimizer.lr
    schedule.step()
    twin.step()

    assert later.lr == optimizer.lr


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda o: schedules.StepLR(o, 0), "step_size must be a positive int, got 0"),
        (lambda o: schedules.CosineLR(o, 2.5), "n_steps must be a positive int, got 2.5"),
        (lambda o: schedules.CosineLR(o, 3, warmup=3), r"warmup must be in \[0, n_steps\) with n_steps = 3, got 3"),
        (lambda o: schedules.CosineLR(o, 3, final=2), r"final must be in \[0, 1\], got 2"),
        (lambda o: schedules.LinearWarmup(o, -1), "n_steps must be a positive int, got -1"),
        (lambda o: nets.EMA(nets.Linear(1, 1), 1.0), r"decay must be in \[0, 1\), got 1.0"),
    ],
)
def test_settings_that_break_a_rule_are_named(wrong, message):
    with pytest.raises(nets.ArgumentError, match=message):
        wrong(optim.SGD([nets.Parameter([1.0])]))


# --- averages ---


def test_the_average_follows_its_formula(backend):
    layer = nets.Linear(2, 1, bias=False)
    ema = nets.EMA(layer, decay=0.25)
    average = layer.weight.numpy().copy()
    for t in range(1, 5):
        layer.weight.data = np.full((1, 2), t, np.float32)
        ema.update()
        d = min(0.25, (1 + t) / (10 + t))
        average = d * average + (1 - d) * t

    np.testing.assert_allclose(ema.averages["weight"], average, rtol=1e-6)


def test_averaged_weights_are_in_the_model_within_the_block_only(backend):
    layer = nets.Linear(300, 300)
    optim.SGD(layer.parameters())
    weight = layer.weight.numpy().copy()
    ema = nets.EMA(layer)
    with nets.no_grad():
        layer.weight[...] = 0
    ema.update()
    memory = layer.weight.data

    with ema.applied() as model:
        assert model is layer
        np.testing.assert_allclose(layer.weight.numpy(), weight * 2 / 11, rtol=1e-5)

    assert (layer.weight.numpy() == 0).all()
    assert layer.weight.data is memory


def test_running_statistics_are_averaged_with_the_weights(backend):
    """Batches of one example twice each have their mean; their variance is 0."""
    norm = nets.BatchNorm1d(1)
    ema = nets.EMA(norm, decay=0.05)  # at once: 0.05 < 2 / 11
    means, average = [], 0.0
    for level in (1.0, 2.0, 4.0):
        norm(np.full((2, 1), level, np.float32))
        means.append(norm.running_mean.item())
        average = 0.05 * average + 0.95 * means[-1]
        ema.update()

    with ema.applied():
        assert norm.running_mean.item() == pytest.approx(average)
        assert norm.running_var.item() == pytest.approx(0.95 * 0.729 + 0.05 * (0.95 * 0.81 + 0.05 * (0.905)))
        assert norm.num_batches_tracked.item() == 3

    assert norm.running_mean.item() == means[-1]
    assert norm.num_batches_tracked.item() == 3
    assert ema.state_dict().keys() == {"t", "weight", "bias", "running_mean", "running_var"}


def test_averages_go_on_from_their_state():
    layer = nets.Linear(2, 1)
    ema, twin = nets.EMA(layer), nets.EMA(nets.Linear(2, 1))
    ema.update()

    twin.load_state_dict(ema.state_dict())

    assert twin.t == 1
    np.testing.assert_array_equal(twin.averages["weight"], ema.averages["weight"])
    with pytest.raises(nets.CheckpointError, match=r"the averages do not fit: \['bias'\]"):
        nets.EMA(nets.Linear(2, 1, bias=False)).load_state_dict(ema.state_dict())
    with pytest.raises(nets.CheckpointError, match=r"tensor weight: the state has shape \(1, 2\), .* \(1, 3\)"):
        nets.EMA(nets.Linear(3, 1)).load_state_dict(ema.state_dict())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bias": np.array(["a"])}, "tensor bias: the state has dtype <U1, the model has float32"),
        ({"t": np.zeros(2, int)}, r"t must be a count of updates, got \[0 0\]"),
        ({"t": np.array(-1)}, "t must be a count of updates, got -1"),
    ],
)
def test_averages_that_do_not_fit_change_nothing(change, message):
    ema = nets.EMA(nets.Linear(2, 1))
    before = ema.state_dict()
    state = {name: array + 1 for name, array in before.items()} | change

    with pytest.raises(nets.CheckpointError, match=message):
        ema.load_state_dict(state)

    assert all((ema.state_dict()[name] == array).all() for name, array in before.items())
