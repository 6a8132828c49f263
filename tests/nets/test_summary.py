"""The table of a model's layers."""

import numpy as np

import nets
from nets.summaries import layers_of

TABLE = """\
name  layer                                            shapes without the batch        parameters
0     Conv2d(1, 4, kernel_size=(3, 3), stride=(2, 2))  [(1, 29, 29)] -> [(4, 14, 14)]          40
1     Flatten()                                        [(4, 14, 14)] -> [(784,)]
2     Linear(784, (5, 2), activation='relu')           [(784,)] -> [(5, 2)]                 7,850
3.0   Linear(2, 3, bias=False)                         [(5, 2)] -> [(5, 3)]                     6
3.1   Tanh()                                           [(5, 2)] -> [(5, 2)]
7,896 parameters, 0.03 MiB"""


def test_a_summary_shows_layers_shapes_and_parameters():
    model = nets.Sequential(
        nets.Conv2d(1, 4, 3, stride=2),
        nets.Flatten(),
        nets.Linear(784, (5, 2), activation="relu"),
        nets.Parallel(nets.Linear(2, 3, bias=False), nets.Tanh()),
    )

    assert nets.summary(model, (8, 1, 29, 29)) == TABLE


def test_the_rows_add_up_to_the_total():
    for model, shape in (
        (nets.TransformerBlock(8, 2), (2, 3, 8)),
        (nets.Sequential(nets.LSTM(4, 3, num_layers=2), nets.LastStep()), (5, 2, 4)),
        (nets.Residual(nets.Linear(4, 4), shortcut=nets.Linear(4, 4)), (2, 4)),
    ):
        rows = layers_of(model, shape)

        assert sum(row.n_parameters for row in rows) == sum(p.numel() for p in model.parameters())


def test_a_layer_used_twice_has_two_rows_and_counts_once():
    layer = nets.Linear(3, 3)

    rows = layers_of(nets.Sequential(layer, nets.Tanh(), layer), (1, 3))

    assert [row.n_parameters for row in rows] == [12, 0, 0]


def test_several_inputs_and_outputs_are_listed():
    model = nets.Sequential(nets.Parallel(nets.Linear(3, 2), nets.Linear(2, 2)), nets.Add(), nets.Split(1))

    rows = layers_of(model, (4, 3), (4, 2))

    assert rows[2].inputs == [(4, 2), (4, 2)]
    assert rows[3].outputs == [(4, 1), (4, 1)]


def test_a_summary_leaves_the_model_as_it_was():
    model = nets.Sequential(nets.BatchNorm1d(3), nets.Dropout())
    model[1].eval()
    before = model.state_dict()

    nets.summary(model, (4, 3))

    assert (model[0].training, model[1].training) == (True, False)
    assert all((model.state_dict()[name] == before[name]).all() for name in before)


def test_inputs_may_be_tensors_or_shapes_of_ints():
    model = nets.Sequential(nets.Embedding(5, 2), nets.Flatten())

    assert nets.summary(model, (4, 3), dtype=np.int64) == nets.summary(model, nets.Tensor(np.ones((1, 3), int)))
