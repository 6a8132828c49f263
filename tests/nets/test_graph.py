"""Going back through graphs: the shapes that broke earlier engines, and what may not be done to a graph."""

import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import nets
from nets import functional as F
from nets import ops
from nets.testing import check_grads


def leaf(*values):
    return nets.Tensor(list(values), requires_grad=True)


def some(*shape, seed=0):
    return np.random.default_rng(seed).normal(0, 0.7, shape)


# --- graphs ---


def test_a_node_used_twice_gets_both_gradients():
    x = leaf(3.0)
    y = x * 2

    (y * y + y).sum().backward()

    assert x.grad.tolist() == [2 * (2 * 6) + 2]


def test_a_tensor_multiplied_by_itself():
    x = leaf(3.0)

    (x * x * x).sum().backward()

    assert x.grad.tolist() == [27]


def test_a_diamond():
    def diamond(x):
        top = ops.tanh(x)
        left, right = top * 2, ops.exp(top)
        return left * right + left

    check_grads(diamond, some(3), order=2)


def test_a_ladder_of_shared_nodes_is_gone_through_once():
    """2^60 ways lead through it."""
    x = leaf(1.0)
    y = x
    for _ in range(60):
        y = y * 0.5 + y * 0.5

    y.sum().backward()

    assert x.grad.tolist() == [1]


def test_a_residual_path_reaches_below(backend):
    w = some(4, 4), some(4, 4, seed=1)

    check_grads(lambda x, a, b: x + F.linear(F.linear(x, a, activation="tanh") + x, b), some(2, 4, seed=2), *w)


def test_two_convolutions_on_top_of_each_other(backend):
    def stacked(x, lower, upper):
        return F.conv2d(F.conv2d(x, lower, padding=1, activation="tanh"), upper, stride=2, activation="sigmoid")

    check_grads(stacked, some(2, 2, 5, 5), some(3, 2, 3, 3, seed=1), some(2, 3, 3, 3, seed=2))


@pytest.mark.parametrize("kind", ["rnn", "gru", "lstm"])
def test_three_steps_of_a_recurrent_network(backend, kind):
    gates, states = {"rnn": (1, 1), "gru": (3, 1), "lstm": (4, 2)}[kind]
    shapes = [(3, 2, 2), *[(2, 3)] * states, (gates * 3, 2), (gates * 3, 3), (gates * 3,), (gates * 3,)]

    check_grads(getattr(F, kind), *(some(*shape, seed=i) for i, shape in enumerate(shapes)))


def test_a_recurrent_network_of_elementary_operations():
    def network(x, w, u):
        h = ops.tanh(x[0] @ w)
        for t in (1, 2):
            h = ops.tanh(x[t] @ w + h @ u)
        return h

    check_grads(network, some(3, 2, 4), some(4, 3, seed=1), some(3, 3, seed=2), order=2)


def test_attention_reaches_queries_keys_and_values(backend):
    def attend(x, w_q, w_k, w_v):
        q, k, v = (ops.unsqueeze(x @ w, 1) for w in (w_q, w_k, w_v))
        return F.scaled_dot_product_attention(q, k, v)

    check_grads(attend, some(2, 4, 3), *(some(3, 3, seed=i) for i in (1, 2, 3)))


def test_shared_weights_add_up_their_gradients(backend):
    w = some(4, 4, seed=1)

    check_grads(lambda x, w: F.linear(F.linear(x, w, activation="tanh"), w), some(2, 4), w)
    check_grads(lambda w: F.linear(w, w), w)
    check_grads(lambda w: F.linear(F.embedding([0, 2, 2], w), w), w)


def test_shared_weights_add_up_in_the_memory_of_an_optimizer(backend):
    """A rule may write the first gradient of a parameter where the optimiser wants it, but not the second."""
    w = nets.Parameter(some(4, 4), dtype=np.float64)
    nets.optim.SGD([w])
    x = nets.Tensor(some(2, 4, seed=1))

    for model in (lambda w: F.linear(F.linear(x, w), w), lambda w: F.linear(w, w), lambda w: (w * w) @ w):
        (expected,) = nets.gradients(model(w).sum(), [w])
        for _ in range(2):
            w.zero_grad()
            model(w).sum().backward()
            np.testing.assert_allclose(w.grad.numpy(), expected.numpy())
        model(w).sum().backward()
        np.testing.assert_allclose(w.grad.numpy(), 2 * expected.numpy())


def test_several_outputs_of_one_operation(backend):
    """The hidden states and the cell of an LSTM, used together, alone, and not at all."""
    arrays = [some(*s, seed=i) for i, s in enumerate([(2, 1, 2), (1, 3), (1, 3), (12, 2), (12, 3), (12,), (12,)])]

    check_grads(lambda *a: F.lstm(*a), *arrays)
    check_grads(lambda *a: F.lstm(*a)[0], *arrays)
    check_grads(lambda *a: F.lstm(*a)[1], *arrays)
    check_grads(lambda *a: F.lstm(*a)[2], *arrays)
    check_grads(lambda *a: F.lstm(*a)[2] * F.lstm(*a)[0].sum(0) * F.lstm(*a)[1], *arrays)


def test_each_output_of_one_operation_keeps_its_own_gradient_on_request():
    arrays = [some(*s, seed=i) for i, s in enumerate([(2, 1, 2), (1, 3), (1, 3), (12, 2), (12, 3)])]
    hidden, _, cell = F.lstm(*[nets.Tensor(a, requires_grad=True) for a in arrays])
    hidden.retain_grad()
    cell.retain_grad()

    (hidden.sum() + 2 * cell.sum()).backward()

    assert (hidden.grad.numpy() == 1).all()
    assert (cell.grad.numpy() == 2).all()


def test_a_chain_of_100_000_operations_goes_back_and_away_without_recursion():
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y + 1e-9

    y.sum().backward()
    del y

    assert x.grad.tolist() == [1]


def test_a_long_chain_that_nobody_went_back_through_is_freed_without_recursion():
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y * 1.0
    last = weakref.ref(y)

    del y

    assert last() is None


def test_a_graph_is_freed_without_the_garbage_collector():
    gc.disable()
    try:
        for make in (lambda x: x.exp(), lambda x: F.linear(x, nets.Tensor([[2.0]])), lambda x: F.softmax(x)):
            y = make(leaf(1.0))
            gone = weakref.ref(y), weakref.ref(y._node)
            del y
            assert gone[0]() is None
            assert gone[1]() is None
    finally:
        gc.enable()


# --- what accumulates, and when a graph is kept ---


def test_gradients_of_leaves_accumulate_until_they_are_forgotten():
    x = leaf(1.0, 2.0)

    for _ in range(3):
        (x * x).sum().backward()
    assert x.grad.tolist() == [6, 12]

    x.zero_grad()
    assert x.grad is None


def test_a_gradient_is_nobody_elses_memory():
    a, b = leaf(1.0), leaf(2.0)
    weight = np.ones(1, np.float32)

    (a + b).backward(weight)
    a.grad.data[...] = 7

    assert b.grad.tolist() == [1]
    assert weight.tolist() == [1]


def test_a_graph_can_be_kept_for_another_backward():
    x = leaf(2.0)
    y = (x * x).sum()

    y.backward(retain_graph=True)
    y.backward()

    assert x.grad.tolist() == [8]


def test_backward_through_a_freed_graph_names_the_operation():
    x = leaf(2.0)
    shared = x.exp()
    shared.sum().backward()

    with pytest.raises(nets.GraphError, match="backward through exp, which was freed by an earlier backward"):
        (shared * 2).sum().backward()


def test_results_keep_their_gradient_on_request():
    x = leaf(2.0)
    y = x * 3
    y.retain_grad()

    (y * y).sum().backward()

    assert y.grad.tolist() == [12]


def test_backward_takes_the_gradient_of_a_result_of_several_numbers():
    x = leaf(1.0, 2.0)

    (x * x).backward([1.0, 10.0])

    assert x.grad.tolist() == [2, 40]


@pytest.mark.parametrize("gradient", [np.ones(1), nets.Tensor(np.ones(1)), [1.0]])
@pytest.mark.parametrize("create_graph", [True, False])
def test_the_first_gradient_takes_the_dtype_of_the_result(gradient, create_graph):
    x = leaf(1.0)
    y = x * 2
    y.retain_grad()

    y.backward(gradient, create_graph=create_graph)

    assert y.grad.dtype == np.float32


def test_backward_without_a_number_to_differentiate_is_refused():
    with pytest.raises(nets.ShapeError, match=r"needs a tensor of one element, got shape \(2,\)"):
        (leaf(1.0, 2.0) * 2).backward()
    with pytest.raises(nets.ShapeError, match=r"the shape of the tensor, \(2,\), got \(3,\)"):
        (leaf(1.0, 2.0) * 2).backward(np.ones(3))
    with pytest.raises(nets.GraphError, match="does not depend on any tensor with requires_grad"):
        nets.Tensor([1.0]).sum().backward()


def test_only_what_wants_a_gradient_gets_one():
    a, b = leaf(1.0), nets.Tensor([2.0])

    (a * b).sum().backward()

    assert a.grad.tolist() == [2]
    assert b.grad is None


# --- recording ---


def test_nothing_is_recorded_within_no_grad():
    x = leaf(1.0)

    with nets.no_grad():
        assert not nets.is_grad_enabled()
        assert not (x * 2).requires_grad
        with nets.enable_grad():
            assert (x * 2).requires_grad

    assert (x * 2).requires_grad


def test_no_grad_ends_with_an_error_too():
    with pytest.raises(KeyError), nets.no_grad():
        raise KeyError

    assert nets.is_grad_enabled()


def test_no_grad_decorates_functions():
    assert not nets.no_grad()(lambda x: x * 2)(leaf(1.0)).requires_grad


def test_no_grad_in_one_thread_does_not_silence_another():
    inside, done = threading.Event(), threading.Event()

    def silent():
        with nets.no_grad():
            inside.set()
            done.wait(10)

    thread = threading.Thread(target=silent)
    thread.start()
    inside.wait(10)

    recorded = (leaf(1.0) * 2).requires_grad
    done.set()
    thread.join()

    assert recorded


def test_models_train_alike_alone_and_beside_others():
    def train(seed):
        rng = np.random.default_rng(seed)
        model = nets.Sequential(
            nets.Linear(100, 200, activation="relu", generator=rng), nets.Linear(200, 10, generator=rng)
        )
        optimizer = nets.optim.Adam(model.parameters())
        x, y = rng.normal(0, 1, (256, 100)).astype(np.float32), rng.integers(0, 10, 256)
        for _ in range(10):
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return loss.item()

    alone = [train(seed) for seed in range(3)]
    with ThreadPoolExecutor(3) as pool:
        beside = list(pool.map(train, range(3)))

    assert beside == alone


def test_a_graph_may_be_gone_back_through_in_another_thread():
    model = nets.Linear(300, 300, activation="tanh")
    x = some(128, 300).astype(np.float32)
    (model(x) ** 2).sum().backward()
    expected = model.weight.grad.numpy().copy()
    model.zero_grad()

    with ThreadPoolExecutor(1) as pool:
        loss = pool.submit(lambda: (model(x) ** 2).sum()).result()
    loss.backward()

    np.testing.assert_array_equal(model.weight.grad.numpy(), expected)


def test_a_detached_tensor_shares_memory_but_no_history():
    x = leaf(2.0)
    y = x * 3
    z = y.detach()

    (y * z).sum().backward()

    assert z.data is y.data
    assert x.grad.tolist() == [18]


# --- changes in place ---


CHANGED = {
    "mul": lambda x, w: x * w,
    "div": lambda x, w: x / w,
    "matmul": lambda x, w: ops.reshape(x, (1, 2)) @ ops.reshape(w, (2, 1)),
    "linear": lambda x, w: F.linear(x, ops.reshape(w, (1, 2))),
}


@pytest.mark.parametrize("name", CHANGED)
def test_a_change_in_place_of_what_backward_needs_names_the_operation(name):
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    y = CHANGED[name](x, w).sum()

    with nets.no_grad():
        w[0] = 5.0

    with pytest.raises(nets.GraphError, match=f"backward through {name}: a value that it needs, of shape .* changed"):
        y.backward()


@pytest.mark.parametrize("name", ["exp", "tanh", "sigmoid", "relu", "sqrt", "softmax", "leaky_relu", "softplus"])
def test_a_change_in_place_of_a_result_that_backward_needs_names_the_operation(name):
    y = getattr(F, name, getattr(ops, name, None))(leaf(1.0, 2.0))

    with nets.no_grad():
        y[0] = 5.0

    if name == "softplus":  # needs its input only
        y.sum().backward()
        return
    with pytest.raises(nets.GraphError, match=f"backward through {name}: its result was changed in place"):
        y.sum().backward()


def test_a_change_through_a_view_is_noticed():
    for view in (lambda t: t.reshape(2, 1), lambda t: t[1:], lambda t: t.T, lambda t: t.detach(), lambda t: t.view(2)):
        x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
        y = (x * w).sum()
        with nets.no_grad():
            view(w)[0] = 5.0
        with pytest.raises(nets.GraphError, match="backward through mul"):
            y.backward()


def test_a_change_below_a_stretched_view_is_noticed():
    x, w = leaf(1.0, 2.0), leaf(3.0)
    y = (x * w.broadcast_to((2,))).sum()

    with nets.no_grad():
        w[0] = 5.0

    with pytest.raises(nets.GraphError, match="backward through mul"):
        y.backward()


def test_an_index_that_changed_is_noticed():
    x, places = leaf(1.0, 2.0), nets.Tensor([0, 0])
    y = x[places].sum()

    places[0] = 1

    with pytest.raises(nets.GraphError, match="backward through getitem"):
        y.backward()


def test_a_step_of_an_optimizer_makes_old_graphs_refuse():
    model = nets.Linear(2, 1)
    optimizer = nets.optim.SGD(model.parameters())
    first, second = (model(np.ones((1, 2), np.float32)).sum() for _ in range(2))
    first.backward()
    optimizer.step()

    with pytest.raises(nets.GraphError, match="backward through linear: a value that it needs"):
        second.backward()


def test_changes_that_backward_does_not_need_are_allowed():
    x, w = leaf(1.0, 2.0), nets.Tensor([3.0, 4.0])
    y = (x + w).sum()

    w[0] = 5.0
    y.backward()

    assert x.grad.tolist() == [1, 1]


def test_a_recorded_tensor_cannot_be_written_to_while_recording():
    with pytest.raises(nets.GraphError, match="cannot be changed in place while operations are recorded"):
        leaf(1.0)[0] = 2.0


# --- higher derivatives ---


def test_second_and_third_derivatives_by_create_graph():
    x = leaf(2.0)
    y = (x**4).sum()

    (first,) = nets.gradients(y, [x], create_graph=True)
    (second,) = nets.gradients(first.sum(), [x], create_graph=True)
    (third,) = nets.gradients(second.sum(), [x])

    assert [first.item(), second.item(), third.item()] == [32, 48, 48]
    assert x.grad is None


def test_backward_with_create_graph_leaves_gradients_that_can_be_differentiated():
    x = leaf(2.0)
    (x**3).sum().backward(create_graph=True)
    slope = x.grad
    x.zero_grad()

    slope.sum().backward()

    assert x.grad.tolist() == [12]


def test_third_derivatives_of_everything_elementary_at_once():
    def function(a, b):
        return (ops.tanh(a @ b).exp() * ops.sigmoid(a.sum(1, keepdim=True))).sqrt() / (1 + b.std() ** 2)

    check_grads(function, some(2, 3), some(3, 2, seed=1), order=3)


@pytest.mark.parametrize("name", ["silu", "softplus", "tanh", "sigmoid"])
def test_smooth_activations_have_second_derivatives(backend, name):
    check_grads(getattr(F, name), some(2, 3), order=2)


@pytest.mark.parametrize(
    "loss", ["mse_loss", "l1_loss", "huber_loss", "binary_cross_entropy_with_logits", "gaussian_kl"]
)
def test_elementary_losses_have_second_derivatives(loss):
    check_grads(getattr(F, loss), some(2, 3), some(2, 3, seed=1), order=2)


def test_a_compiled_operation_says_that_it_has_no_second_derivative():
    x = nets.Tensor(np.ones((1, 2)), requires_grad=True)
    y = F.softmax(x).sum()

    with pytest.raises(nets.GraphError, match="softmax is one compiled operation without a second derivative"):
        y.backward(create_graph=True)


def test_higher_derivatives_go_no_further_than_asked():
    """Below h there is a compiled operation, but nobody asks for the derivative by its input."""
    x = nets.Tensor(np.ones((1, 2)), requires_grad=True)
    h = F.softmax(x)

    (first,) = nets.gradients((h**3).sum(), [h], create_graph=True)
    (second,) = nets.gradients(first.sum(), [h])

    np.testing.assert_allclose(second.numpy(), 6 * h.numpy())


# --- anomalies ---


def test_anomaly_mode_names_the_operation_that_made_the_first_infinity():
    x = leaf(1.0, 0.0)

    message = r"log made .* in its forward pass: -inf at index \(1,\)"
    with pytest.raises(nets.AnomalyError, match=message), nets.detect_anomaly():
        x.log().exp()


def test_anomaly_mode_names_the_operation_whose_gradient_is_infinite():
    x = leaf(1.0, 0.0)

    message = r"sqrt made .* in its backward pass: inf at index \(1,\)"
    with pytest.raises(nets.AnomalyError, match=message), nets.detect_anomaly():
        x.sqrt().sum().backward()


def test_anomaly_mode_names_compiled_operations(backend):
    w = nets.Tensor(np.full((2, 2), 3e38, np.float32), requires_grad=True)
    x = np.ones((1, 2), np.float32)

    with nets.detect_anomaly():
        with pytest.raises(nets.AnomalyError, match=r"linear made .* in its forward pass: inf"):
            F.linear(x, w)
        with pytest.raises(nets.AnomalyError, match=r"mul made .* in its forward pass: inf"):
            F.mse_loss(nets.Tensor([[3e38, 0.0]]), [[0.0, 0.0]])
        z = F.linear(nets.Tensor(x / 1e8, requires_grad=True), w)
        with pytest.raises(nets.AnomalyError, match=r"linear made .* in its backward pass: inf"):
            z.backward(np.full((1, 2), 3e38, np.float32))


def test_anomaly_mode_names_operations_with_several_outputs(backend):
    arrays = [some(*s, seed=i) for i, s in enumerate([(2, 1, 2), (1, 3), (1, 3), (12, 2), (12, 3)])]
    inputs = [nets.Tensor(a, requires_grad=True) for a in arrays]

    with nets.detect_anomaly():
        outputs, _, cell = F.lstm(*inputs)
        (outputs.sum() + cell.sum()).backward(retain_graph=True)
        with pytest.raises(nets.AnomalyError, match=r"gradient that reached lstm, of shape \(2, 1, 3\), holds nan at "):
            outputs.backward(np.full(outputs.shape, np.nan))
        inputs[0].data[1, 0, 1] = np.nan
        with pytest.raises(
            nets.AnomalyError, match=r"the input of lstm, of shape \(2, 1, 2\), holds nan at .*\(1, 0, 1\)"
        ):
            F.lstm(*inputs)


def test_anomaly_mode_tells_a_nan_that_was_given_from_one_that_was_made(backend):
    spoilt = np.ones((2, 3), np.float32)
    spoilt[1, 2] = np.nan
    layer = nets.Linear(3, 2)

    with nets.detect_anomaly():
        message = r"Linear\(3, 2\): the input of linear, of shape \(2, 3\), holds nan at index \(1, 2\)"
        with pytest.raises(nets.AnomalyError, match=message):
            layer(spoilt)
        with pytest.raises(nets.AnomalyError, match=r"^the input of cross_entropy, of shape \(2, 3\), holds nan at"):
            F.cross_entropy(spoilt, [0, 1])
        with pytest.raises(nets.AnomalyError, match=r"^input 2 of mul, of shape \(2, 3\), holds nan at"):
            nets.Tensor(np.ones((2, 3), np.float32)) * spoilt


def test_anomaly_mode_tells_a_gradient_that_was_given_from_one_that_was_made(backend):
    x = nets.Tensor(np.ones((2, 2), np.float32), requires_grad=True)

    with nets.detect_anomaly():
        message = r"^the gradient that reached cross_entropy, of shape \(2,\), holds inf at index \(0,\)"
        with pytest.raises(nets.AnomalyError, match=message):
            F.cross_entropy(x, [0, 1], reduction="none").backward([np.inf, 1.0])


def test_anomaly_mode_only_on_the_way_back_tells_a_nan_from_the_way_there(backend):
    x = leaf(np.nan, 1.0)
    y = (x * x).sum()

    message = r"^a value that mul kept for its backward pass, of shape \(2,\), holds nan at index \(0,\)"
    with pytest.raises(nets.AnomalyError, match=message), nets.detect_anomaly():
        y.backward()


def test_anomaly_mode_lets_an_infinity_pass_that_disappears():
    x = leaf(-np.inf, 1.0)

    with nets.detect_anomaly():
        x.exp().sum().backward()

    assert x.grad.tolist() == pytest.approx([0.0, np.e])


def test_without_anomaly_mode_nan_passes_silently(backend):
    x = leaf(np.nan, 1.0)
    y = F.softmax(F.linear(x.reshape(1, 2), nets.Tensor(np.ones((3, 2), np.float32))))

    y.sum().backward()

    assert np.isnan(y.numpy()).all()
    assert np.isnan(x.grad.numpy()).all()
