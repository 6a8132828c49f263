"""The training loop: it learns, stops, and goes on where it was, bit for bit."""

import json

import numpy as np
import pytest

import nets
from nets import data, optim, schedules
from nets.errors import AnomalyError, ArgumentError, CheckpointError, DataError
from nets.evaluation import classification, evaluate
from nets.metrics import drop_metrics_after, read_metrics
from nets.training import CHECKPOINT_NAME, METRICS_NAME, Callback, Trainer

EPOCHS = 4
BATCHES = 5  # an epoch: 72 images in batches of 16, the last one smaller


class StopAfter:
    """Says stop when asked for the n-th time."""

    def __init__(self, n):
        self.left = n

    def __call__(self):
        self.left -= 1
        return self.left == 0


class Log(Callback):
    """Remembers what it was told."""

    def __init__(self):
        self.events, self.losses, self.epochs = [], [], []

    def on_begin(self, trainer, epochs):
        self.events.append("begin")

    def on_batch(self, trainer):
        self.losses.append(trainer.means.values()["loss"])

    def on_epoch(self, trainer, metrics):
        self.epochs.append(metrics)

    def on_end(self, trainer):
        self.events.append("end")


def make(folder=None, seed=0, **options):
    """A trainer with everything that has a state: noise, shuffling, two kinds of dropout, running means, averages."""
    rng = np.random.default_rng(9)
    labels = np.arange(96) % 3
    images = rng.random((96, 1, 4, 4), np.float32) * 0.5
    images[np.arange(96), 0, labels] += 0.5
    nets.manual_seed(seed)
    model = nets.Sequential(
        nets.Conv2d(1, 4, 3, padding=1, bias=False),
        nets.BatchNorm2d(4),
        nets.ReLU(),
        nets.Dropout(0.1),
        nets.Flatten(),
        nets.Dropout(0.1, generator=np.random.default_rng(seed + 1)),
        nets.Linear(64, 3),
    )
    optimizer = optim.AdamW(model.parameters(), lr=0.02)
    noise = data.Compose(data.RandomAffine(shift=1, generator=seed + 2), data.GaussianNoise(0.1, generator=seed + 3))
    loader = data.DataLoader(images[:72], labels[:72], batch_size=16, shuffle=True, generator=seed + 4, transform=noise)
    held_out = data.DataLoader(images[72:], labels[72:], batch_size=10)
    settings = {
        "loader": loader,
        "validate": lambda model: evaluate(model, held_out),
        "schedule": schedules.CosineLR(optimizer, EPOCHS * BATCHES, warmup=3),
        "ema": schedules.EMA(model, 0.9),
        "max_grad_norm": 1.0,
        "folder": folder,
    }
    return Trainer(model, optimizer, objective=classification(), **settings | options)


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def without_clocks(rows):
    return [{k: v for k, v in row.items() if k not in ("seconds", "examples_per_second")} for row in rows]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nobody stopped: its weights in the end, its last checkpoint, its metrics."""
    folder = tmp_path_factory.mktemp("whole")
    trainer = make(folder)
    trainer.fit(EPOCHS)
    return trainer, checkpoint(folder), without_clocks(read_metrics(folder / METRICS_NAME))


def checkpoint(folder):
    """The tensors and the header of a checkpoint, without the clock."""
    tensors, header = nets.tensorfile.read_tensors(folder / CHECKPOINT_NAME)
    return tensors, {name: value for name, value in header.items() if name != "seconds"}


# --- it learns ---


def test_training_learns_and_reports_each_epoch(whole, tmp_path):
    _, _, rows = whole

    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    assert [row["step"] for row in rows] == [5, 10, 15, 20]
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert rows[-1]["validation_accuracy"] > 0.9
    assert rows[-1]["lr"] < 1e-3
    assert rows[0]["grad_norm"] > 0
    assert set(rows[0]) == {
        "epoch", "step", "loss", "accuracy", "validation_loss", "validation_accuracy", "lr", "grad_norm"
    }  # fmt: skip


def test_the_epochs_loss_is_the_mean_over_examples_though_the_last_batch_is_smaller():
    x = np.arange(5, dtype=np.float32)[:, None]
    model = nets.Linear(1, 1)
    log = Log()

    def objective(model, batch):
        return 0 * model(batch[0]).sum() + batch[0].mean(), {}

    loader = data.DataLoader(x, batch_size=2)
    Trainer(model, optim.SGD(model.parameters()), loader, objective, callbacks=[log]).fit(1)

    assert log.epochs[0]["loss"] == x.mean()


def test_evaluation_counts_examples_and_leaves_modes_as_they_are():
    model = nets.Sequential(nets.Linear(2, 2), nets.Dropout(0.5))
    model.train()
    x, y = np.float32([[1, 0], [0, 1], [1, 1]]), np.array([0, 1, 1])
    model[0].weight.data, model[0].bias.data = np.eye(2, dtype=np.float32), np.zeros(2, np.float32)

    figures = evaluate(model, data.DataLoader(x, y, batch_size=2))

    assert figures["accuracy"] == pytest.approx(2 / 3)  # the tie goes to class 0
    expected = nets.functional.cross_entropy(nets.Tensor(x), y).item()
    assert figures["loss"] == pytest.approx(expected, rel=1e-6)
    assert all(module.training for module in model.modules())


def test_evaluating_nothing_is_an_error():
    with pytest.raises(DataError, match="no batch to evaluate"):
        evaluate(nets.Linear(1, 1), [])


def test_callbacks_are_told_what_happens(tmp_path):
    log = Log()

    make(callbacks=[log]).fit(2)

    assert log.events == ["begin", "end"]
    assert len(log.losses) == 2 * BATCHES
    assert [metrics["epoch"] for metrics in log.epochs] == [1, 2]


def test_nothing_is_written_or_printed_unasked(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)

    make().fit(1)

    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []


# --- the same again ---


def test_the_same_seed_gives_the_same_weights_and_another_one_others(whole):
    again = make()
    again.fit(EPOCHS)
    other = make(seed=5)
    other.fit(EPOCHS)

    assert same(again.model.state_dict(), whole[0].model.state_dict())
    assert not same(other.model.state_dict(), whole[0].model.state_dict())


@pytest.mark.parametrize("steps", [1, BATCHES - 1, BATCHES, BATCHES + 2, 2 * BATCHES, EPOCHS * BATCHES - 1])
def test_a_stopped_run_goes_on_bit_for_bit(steps, whole, tmp_path):
    make(tmp_path, should_stop=StopAfter(steps)).fit(EPOCHS)
    nets.manual_seed(99)  # as a new process would have it

    resumed = make(tmp_path, seed=7)  # other streams and weights, all of them to be replaced
    resumed.resume()
    assert resumed.step == steps
    resumed.fit(EPOCHS)

    trainer, (tensors, header), rows = whole
    assert same(resumed.model.state_dict(), trainer.model.state_dict())
    assert without_clocks(read_metrics(tmp_path / METRICS_NAME)) == rows
    found_tensors, found_header = checkpoint(tmp_path)
    assert same(found_tensors, tensors)
    assert found_header == header


def test_a_run_that_is_stopped_again_and_again_goes_on_bit_for_bit(whole, tmp_path):
    trainer = make(tmp_path, should_stop=StopAfter(3))
    for _ in range(7):
        trainer.fit(EPOCHS)
        trainer = make(tmp_path, should_stop=StopAfter(3))
        trainer.resume()

    assert same(trainer.best_state, whole[0].best_state)
    assert trainer.epoch == EPOCHS


def test_the_same_trainer_goes_on_after_a_stop(whole):
    trainer = make(should_stop=StopAfter(BATCHES + 2))
    trainer.fit(EPOCHS)
    assert trainer.stopped
    assert trainer.step == BATCHES + 2
    trainer.fit(EPOCHS)

    assert same(trainer.model.state_dict(), whole[0].model.state_dict())


def points_and_trainer(**options):
    """40 points in batches of 10, and a small model in training."""
    x = np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32)
    loader = data.DataLoader(x, (x[:, 0] > 0).astype(int), batch_size=10, shuffle=True, generator=0)
    nets.manual_seed(0)
    model = nets.Linear(3, 2)
    return loader, Trainer(model, optim.SGD(model.parameters(), 0.1), loader, classification(), **options)


def test_measuring_on_the_training_data_meanwhile_does_not_change_how_long_an_epoch_is():
    class Measure(Callback):
        def on_batch(self, trainer):
            evaluate(trainer.model, trainer.loader)

    _, trainer = points_and_trainer(callbacks=[Measure()])

    trainer.fit(2)

    assert trainer.step == 8


def test_measuring_after_a_stop_is_measuring_all_the_data_and_leaves_the_place():
    loader, trainer = points_and_trainer(should_stop=StopAfter(1))
    seen = []
    trainer.fit(1)

    evaluate(trainer.model, (seen.append(len(batch[0])) or batch for batch in loader))
    trainer.fit(1)

    assert sum(seen) == 40
    assert (trainer.step, trainer.epoch) == (4, 1)


def test_another_trainer_begins_with_a_whole_epoch():
    loader, trainer = points_and_trainer(should_stop=StopAfter(1))
    trainer.fit(1)
    other = Trainer(trainer.model, trainer.optimizer, loader, classification())

    other.fit(1)

    assert other.step == 4


def test_fitting_in_two_parts_is_fitting_once(whole):
    """Though the model had the best weights in between."""
    trainer = make()
    trainer.fit(2)
    trainer.fit(EPOCHS)

    assert same(trainer.model.state_dict(), whole[0].model.state_dict())


def test_a_checkpoint_within_an_epoch_is_as_good(whole, tmp_path):
    """As after a power cut: the newest checkpoint is older than the newest line of metrics."""

    class Cut(Exception):
        pass

    class CutAfter(Callback):
        def on_batch(self, trainer):
            if trainer.step == 8:
                trainer.save()
            if trainer.step == 2 * BATCHES + 1:
                trainer.folder = None

        def on_epoch(self, trainer, metrics):
            if trainer.epoch == 2:
                (tmp_path / CHECKPOINT_NAME).write_bytes(saved[0])
                raise Cut

    saved = []

    class Keep(Callback):
        def on_batch(self, trainer):
            if trainer.step == 8:
                saved.append((tmp_path / CHECKPOINT_NAME).read_bytes())

    with pytest.raises(Cut):
        make(tmp_path, callbacks=[CutAfter(), Keep()]).fit(EPOCHS)
    assert len(read_metrics(tmp_path / METRICS_NAME)) == 2
    resumed = make(tmp_path)
    resumed.resume()
    resumed.fit(EPOCHS)

    assert resumed.epoch == EPOCHS
    assert without_clocks(read_metrics(tmp_path / METRICS_NAME)) == whole[2]
    assert same(resumed.model.state_dict(), whole[0].model.state_dict())


def test_checkpoints_are_written_within_long_epochs(tmp_path):
    steps = []

    class Look(Callback):
        def on_batch(self, trainer):
            if (tmp_path / CHECKPOINT_NAME).exists():
                steps.append(nets.tensorfile.read_tensors(tmp_path / CHECKPOINT_NAME)[1]["step"])

    make(tmp_path, save_every=0.0, callbacks=[Look()]).fit(1)

    assert steps == [1, 2, 3, 4]


# --- what the model has in the end ---


def test_the_best_weights_are_restored(whole):
    scores = iter([0.5, 0.9, 0.7, 0.6])
    states = []

    def validate(model):
        states.append(model.state_dict())
        return {"accuracy": next(scores)}

    trainer = make(validate=validate, monitor="accuracy", higher_is_better=True)
    trainer.fit(EPOCHS)

    assert trainer.best == {"accuracy": 0.9}
    assert same(trainer.model.state_dict(), states[1])


def test_training_stops_early_where_nothing_improves(tmp_path):
    losses = iter([3.0, 2.0, 2.0, 2.5, 1.0])
    trainer = make(tmp_path, validate=lambda model: {"loss": next(losses)}, patience=2)

    trainer.fit(100)

    assert trainer.epoch == 4
    assert trainer.is_stale
    assert not trainer.stopped
    assert trainer.best == {"loss": 2.0}
    resumed = make(tmp_path, validate=lambda model: pytest.fail("no more epochs"), patience=2)
    resumed.resume()
    resumed.fit(100)
    assert resumed.epoch == 4
    assert same(resumed.model.state_dict(), trainer.model.state_dict())


def test_a_validation_that_is_not_a_number_is_never_the_best():
    losses = iter([float("nan"), 2.0, float("nan"), 1.0])
    trainer = make(validate=lambda model: {"loss": next(losses)})

    trainer.fit(EPOCHS)

    assert trainer.best == {"loss": 1.0}


def test_without_validation_the_model_has_the_averaged_weights_in_the_end():
    trainer = make(validate=None)
    trainer.fit(2)

    averages = trainer.ema.state_dict()
    for name, parameter in trainer.model.named_parameters():
        np.testing.assert_array_equal(parameter.numpy(), averages[name])


# --- what goes wrong ---


def test_a_loss_that_is_not_finite_stops_before_the_step_and_keeps_the_checkpoint(tmp_path):
    trainer = make(tmp_path)
    trainer.fit(1)
    kept = (tmp_path / CHECKPOINT_NAME).read_bytes()
    again = make(tmp_path)
    again.resume()
    learned = again.objective
    again.objective = lambda model, batch: (learned(model, batch)[0] * (np.nan if again.step == 7 else 1), {})

    with pytest.raises(
        AnomalyError,
        match=r"loss is nan in step 8 \(epoch 2, batch 3\); the data of the batch are finite\. nets\.detect_anomaly",
    ):
        again.fit(EPOCHS)

    assert again.step == 7
    assert (tmp_path / CHECKPOINT_NAME).read_bytes() == kept
    assert all(np.isfinite(parameter.numpy()).all() for parameter in again.model.parameters())


def test_bad_data_are_blamed():
    x = np.ones((4, 2), np.float32)
    x[3, 1] = np.nan
    model = nets.Linear(2, 2)
    loader = data.DataLoader(x, np.zeros(4, int), batch_size=2, check_finite=False)

    with pytest.raises(AnomalyError, match=r"step 2 \(epoch 1, batch 2\); array 0 of the batch holds NaN or infinity"):
        Trainer(model, optim.SGD(model.parameters()), loader, classification()).fit(1)
    with pytest.raises(AnomalyError, match=r"loss of batch 2 is nan; array 0 of the batch holds NaN or infinity"):
        evaluate(model, loader)


def test_a_model_that_gives_no_numbers_is_not_measured():
    model = nets.Linear(2, 2)
    model.weight.data = np.full((2, 2), np.nan, np.float32)
    loader = data.DataLoader(np.ones((4, 2), np.float32), np.zeros(4, int), batch_size=2)

    with pytest.raises(AnomalyError, match=r"loss of batch 1 is nan; the data of the batch are finite"):
        evaluate(model, loader)
    assert all(module.training for module in model.modules())


def test_a_loader_that_gives_nothing_is_an_error():
    trainer = make(loader=iter([]))

    with pytest.raises(DataError, match="the loader gave no batch"):
        trainer.fit(1)


def test_a_gradient_that_is_not_finite_stops_too():
    model = nets.Linear(1, 1, bias=False)
    model.weight.data = np.zeros((1, 1), np.float32)
    loader = data.DataLoader(np.zeros((2, 1), np.float32), batch_size=2)

    def objective(model, batch):
        return model.weight.sqrt().sum(), {}  # the slope of the root at 0 is infinite

    with np.errstate(divide="ignore"), pytest.raises(AnomalyError, match="the length of the gradient is inf in step 1"):
        Trainer(model, optim.SGD(model.parameters()), loader, objective).fit(1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patience": 0}, "patience must be at least 1"),
        ({"patience": 3, "validate": None}, "needs validate"),
    ],
)
def test_wrong_settings_are_named(options, message):
    with pytest.raises(ArgumentError, match=message):
        make(**options)


def test_a_monitor_that_is_not_measured_is_named():
    with pytest.raises(ArgumentError, match="monitor must be one of loss, accuracy, got 'f1'"):
        make(monitor="f1").fit(1)


def test_a_run_in_a_folder_needs_a_loader_that_can_be_resumed(tmp_path):
    model = nets.Linear(1, 1)
    with pytest.raises(ArgumentError, match=r"loader with state_dict\(\) and resume\(\)"):
        Trainer(model, optim.SGD(model.parameters()), [], classification(), folder=tmp_path)


def other_model():
    trainer = make()
    model = nets.Sequential(nets.Flatten(), nets.Linear(16, 3))
    return Trainer(model, optim.AdamW(model.parameters()), trainer.loader, classification())


def other_optimizer():
    trainer = make(schedule=None)
    trainer.optimizer = optim.SGD(trainer.model.parameters())
    trainer.schedule = schedules.ConstantLR(trainer.optimizer)
    return trainer


def other_loader():
    trainer = make()
    trainer.loader = data.DataLoader(np.zeros((3, 1, 4, 4), np.float32), np.zeros(3, int), batch_size=1)
    return trainer


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (other_model, "ema: this run has False"),
        (other_optimizer, "does not fit SGD"),
        (other_loader, "a loader with examples 3, got 72"),
        (lambda: make(ema=None), "ema: this run has False, the checkpoint has True"),
        (lambda: make(schedule=None), "schedule: this run has False, the checkpoint has True"),
    ],
    ids=["model", "optimizer", "loader", "ema", "schedule"],
)
def test_a_checkpoint_of_another_run_changes_nothing(other, message, whole):
    trainer = other()
    trainer.folder = whole[0].folder
    before, step, stream = trainer.model.state_dict(), trainer.step, nets.get_rng_state()

    with pytest.raises(CheckpointError, match=message) as caught:
        trainer.resume()

    assert str(trainer.folder / CHECKPOINT_NAME) in str(caught.value)
    assert same(trainer.model.state_dict(), before)
    assert trainer.step == step
    assert nets.get_rng_state() == stream


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "nets model"}, "not a checkpoint of a training run"),
        ({"version": 2}, "format version 2, this program reads 1"),
        ({"step": None}, "header is damaged"),
        ({"means": {}}, "header is damaged"),
        ({"loader": {}}, "does not fit"),
        ({"random": {"bit_generator": "MT19937"}}, "state must come from"),
        ({"generators": {}}, "generators"),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
)
def test_a_damaged_header_changes_nothing(change, message, whole, tmp_path):
    tensors, header = nets.tensorfile.read_tensors(whole[0].folder / CHECKPOINT_NAME)
    nets.tensorfile.write_tensors(tmp_path / CHECKPOINT_NAME, tensors, header | change)
    trainer = make(tmp_path)
    before = nets.resumption._state(trainer)

    with pytest.raises(CheckpointError, match=message):
        trainer.resume()

    after = nets.resumption._state(trainer)
    assert same(after[0], before[0])
    assert after[1] == before[1]


def test_resuming_needs_a_folder_and_a_checkpoint(tmp_path):
    with pytest.raises(ArgumentError, match="needs a folder"):
        make().resume()
    with pytest.raises(CheckpointError, match="there is no file"):
        make(tmp_path).resume()


# --- metrics.jsonl ---


def test_lines_that_are_none_are_left_out(tmp_path):
    path = tmp_path / METRICS_NAME
    path.write_text('{"epoch": 1}\n[1]\n{"step": 3}\n{"epoch": 2}\n' + "[" * 10**5 + "\n" + "9" * 10**4 + '\n{"epo')

    assert read_metrics(path) == [{"epoch": 1}, {"epoch": 2}]
    drop_metrics_after(path, 1)
    assert path.read_text() == '{"epoch": 1}\n'
    assert read_metrics(tmp_path / "nothing") == []
