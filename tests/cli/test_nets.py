"""``game2048 nets``, on a few small images."""

import io
import json
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from rich.console import Console

import nets
from cli.main import main
from nets.data import write_idx
from nets.metrics import read_metrics
from nets.progress import ProgressBar
from nets.recipes import RECIPES, hold_out
from nets.training import Callback
from tests.nets.own_models import OWN

N_TRAIN, N_TEST = 1200, 100


def images(rng, n):
    """Images of a bright column for each digit, in noise."""
    labels = (np.arange(n) % 10).astype(np.uint8)
    pixels = rng.integers(0, 60, (n, 28, 28)).astype(np.uint8)
    for i, label in enumerate(labels):
        pixels[i, 4:24, 3 + 2 * label : 5 + 2 * label] = 250
    return pixels, labels


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder as a user has it, with small files of MNIST's form in a subfolder."""
    root = tmp_path_factory.mktemp("data")
    (root / "mnist").mkdir()
    rng = np.random.default_rng(0)
    for part, n in (("train", N_TRAIN), ("t10k", N_TEST)):
        pixels, labels = images(rng, n)
        write_idx(root / "mnist" / f"{part}-images-idx3-ubyte.gz", pixels)
        write_idx(root / "mnist" / f"{part}-labels-idx1-ubyte", labels)
    return root


@pytest.fixture
def no_data(monkeypatch, tmp_path):
    """Neither a folder nor a network."""
    from nets.data import fetch

    def fail(*arguments, **options):
        raise OSError("no route to host")

    monkeypatch.delenv("GAME2048_DATA", raising=False)
    monkeypatch.setattr(fetch, "cache_folder", lambda publication: tmp_path / "cache")
    monkeypatch.setattr("pooch.retrieve", fail)


def run(capsys, *arguments):
    """Run a command; return its exit code and what it printed."""
    code = main(["nets", *(str(argument) for argument in arguments)])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def trained(capsys, out, folder, *arguments):
    code, printed, _ = run(
        capsys, "mnist", "--data", folder, "--out", out, "--epochs", 2, "--json", "--model", "mlp", *arguments
    )
    assert code == 0
    return json.loads(printed)


# --- help and wrong usage ---


@pytest.mark.parametrize("command", ["", "mnist", "emnist", "glyphs", "summary"])
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["nets", *command.split(), "--help"])

    assert stop.value.code == 0
    assert f"usage: game2048 nets {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "mnist, emnist, glyphs, summary"),
        (["imagenet"], "imagenet"),
        (["mnist", "--model", "resnet"], "resnet"),
        (["mnist", "--epochs", "0"], "--epochs must be at least 1, got 0"),
        (["mnist", "--seed", "-1"], "--seed must be at least 0, got -1"),
        (["glyphs", "--resume", "--overwrite"], "exclude each other"),
        (["glyphs", "--resume", "--seed", "3"], "--resume keeps the run's own --seed"),
        (["glyphs", "--data", "here"], "--data"),
        (["summary"], "MODEL"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_one_line_and_exit_code_2(arguments, message, capsys):
    code, out, err = run(capsys, *arguments)

    assert code == 2
    assert out == ""
    assert err.count("\n") == 1
    assert message in err
    assert "(help: game2048 nets" in err


def test_help_names_the_inner_command(capsys):
    assert "(help: game2048 nets mnist --help)" in run(capsys, "mnist", "--epochs", 0)[2]


# --- no data ---


def test_without_data_and_network_one_line_says_what_to_do(no_data, tmp_path, capsys):
    code, out, err = run(capsys, "mnist", "--out", tmp_path / "run")

    assert code == 1
    assert out == ""
    assert err.count("\n") == 1
    assert len(err) < 500
    for words in ("train-images-idx3-ubyte.gz", "--data", "GAME2048_DATA", "game2048 nets glyphs"):
        assert words in err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("dataset", ["mnist", "emnist"])
def test_a_folder_without_the_files_is_named(dataset, tmp_path, capsys):
    code, _, err = run(capsys, dataset, "--data", tmp_path, "--out", tmp_path / "run")

    assert code == 1
    assert err.count("\n") == 1
    assert str(tmp_path) in err
    assert "-images-idx3-ubyte.gz" in err


def test_a_damaged_file_is_named(folder, tmp_path, capsys):
    for path in (folder / "mnist").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes()[:500])

    code, _, err = run(capsys, "mnist", "--data", tmp_path, "--out", tmp_path / "run")

    assert code == 1
    assert err.count("\n") == 1
    assert "train-images-idx3-ubyte.gz" in err


def test_too_little_data_is_said(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(RECIPES["mnist"], "mlp", RECIPES["mnist"]["conv"].__class__(model="mlp", batch_size=5000))

    code, _, err = run(capsys, "mnist", "--data", folder, "--out", tmp_path / "run")

    assert code == 1
    assert err.count("\n") == 1
    assert "1200 images are too few" in err


# --- training ---


def test_training_ends_with_one_json_object(folder, tmp_path, capsys):
    figures = trained(capsys, tmp_path / "run", folder, "--seed", 3)

    assert set(figures) == {
        "data", "model", "parameters", "epochs", "seed", "train_loss", "train_accuracy", "validation_loss",
        "validation_accuracy", "test_loss", "test_accuracy", "test_images", "seconds", "interrupted", "out",
    }  # fmt: skip
    assert figures["test_accuracy"] == 1
    assert figures["seconds"] > 0
    assert (figures["model"], figures["epochs"], figures["seed"]) == ("mlp", 2, 3)
    assert figures["parameters"] == 235_146
    assert not figures["interrupted"]
    files = {"checkpoint.safetensors", "metrics.jsonl", "model.safetensors", "settings.json"}
    assert {path.name for path in (tmp_path / "run").iterdir()} == files


def test_the_saved_model_is_the_one_that_was_tested(folder, tmp_path, capsys):
    figures = trained(capsys, tmp_path / "run", folder)
    pixels = nets.data.read_idx(folder / "mnist" / "t10k-images-idx3-ubyte.gz")
    labels = nets.data.read_idx(folder / "mnist" / "t10k-labels-idx1-ubyte")

    model = nets.load(tmp_path / "run")

    guesses = model(nets.data.as_float(pixels)).numpy().argmax(1)
    assert (guesses == labels).mean() == figures["test_accuracy"]
    assert nets.checkpoint.read_notes(tmp_path / "run")["classes"] == list("0123456789")


def test_people_get_words_instead(folder, tmp_path, capsys):
    code, out, _ = run(capsys, "mnist", "--data", folder, "--out", tmp_path / "run", "--epochs", 1)

    assert code == 0
    assert re.search(r"Trained mlp \(235,146 parameters\) in 1 epoch, .* s: .* % of 100 test images right", out)
    assert "game2048 nets summary" in out


def test_the_environment_names_the_folder_too(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("GAME2048_DATA", str(folder))

    assert run(capsys, "mnist", "--out", tmp_path / "run", "--epochs", 1)[0] == 0


@pytest.mark.parametrize("model", ["nielsen", "mlp-augmented", "conv"])
def test_every_recipe_runs(model, folder, tmp_path, capsys):
    figures = trained(capsys, tmp_path / "run", folder, "--model", model, "--epochs", 1)

    assert figures["model"] == model
    assert figures["epochs"] == 1


def test_the_same_seed_gives_the_same_model(folder, tmp_path, capsys):
    for out in ("one", "two"):
        trained(capsys, tmp_path / out, folder, "--seed", 5, "--model", "mlp-augmented", "--epochs", 1)

    files = [nets.tensorfile.read_tensors(tmp_path / out / "model.safetensors")[0] for out in ("one", "two")]
    for name, tensor in files[0].items():
        np.testing.assert_array_equal(tensor, files[1][name])


def test_a_run_is_not_replaced_by_accident(folder, tmp_path, capsys):
    trained(capsys, tmp_path / "run", folder)

    code, _, err = run(capsys, "mnist", "--data", folder, "--out", tmp_path / "run")
    assert code == 1
    assert "--resume" in err
    assert "--overwrite" in err
    assert trained(capsys, tmp_path / "run", folder, "--overwrite", "--seed", 9)["seed"] == 9
    assert len(read_metrics(tmp_path / "run" / "metrics.jsonl")) == 2


def test_without_out_each_run_gets_a_folder_of_its_own_and_the_last_is_replaced(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = ("mnist", "--data", folder, "--epochs", 1, "--json")

    places = [json.loads(run(capsys, *command, *more)[1])["out"] for more in ((), (), ("--overwrite",))]

    assert places == ["runs/mnist", "runs/mnist-2", "runs/mnist-2"]


def test_resuming_what_is_complete_or_not_there_is_refused(folder, tmp_path, capsys):
    trained(capsys, tmp_path / "run", folder)

    assert "has done its 2 epochs" in run(capsys, "mnist", "--data", folder, "--out", tmp_path / "run", "--resume")[2]
    assert "no run in" in run(capsys, "mnist", "--data", folder, "--out", tmp_path / "no", "--resume")[2]
    assert "holds a run on mnist" in run(capsys, "glyphs", "--out", tmp_path / "run", "--resume")[2]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_is_saved_and_goes_on_exactly(number, code, folder, tmp_path, capsys):
    command = [sys.executable, "-m", "cli", "nets", "mnist", "--data", folder, "--seed", "7", "--json", "--out"]
    stopped = [*command, tmp_path / "stopped", "--epochs", "400", "--model", "mlp"]
    process = subprocess.Popen([str(word) for word in stopped], stdout=subprocess.PIPE, text=True)
    while not (tmp_path / "stopped" / "metrics.jsonl").exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(number)
    out = process.communicate(timeout=120)[0]

    assert process.returncode == code
    figures = json.loads(out)
    assert figures["interrupted"]
    assert figures["test_accuracy"] is None
    shorten(tmp_path / "stopped", figures["epochs"] + 2)
    arguments = ["mnist", "--data", folder, "--json", "--out"]
    assert run(capsys, *arguments, tmp_path / "stopped", "--resume")[0] == 0
    rows = read_metrics(tmp_path / "stopped" / "metrics.jsonl")
    assert [row["epoch"] for row in rows] == list(range(1, figures["epochs"] + 3))


def shorten(folder, epochs):
    """Change the settings of a run so that it ends sooner; its learning rates stay those of 400 epochs."""
    settings = json.loads((folder / "settings.json").read_text())
    settings["recipe"]["epochs"] = epochs
    (folder / "settings.json").write_text(json.dumps(settings))


def test_glyphs_need_no_data(tmp_path, capsys, monkeypatch, no_data):
    monkeypatch.setattr("nets.recipes.GLYPHS_TRAIN", 4000)
    monkeypatch.setattr("nets.recipes.GLYPHS_TEST", 300)

    code, out, _ = run(capsys, "glyphs", "--out", tmp_path / "run", "--epochs", 1, "--json")

    assert code == 0
    assert json.loads(out)["test_images"] == 300
    assert json.loads(out)["test_accuracy"] > 0.2


# --- what is held out ---


def test_equally_many_of_each_class_are_held_out(folder):
    data = nets.data.load_mnist(folder).train

    train, held_out = hold_out(data, 50)

    assert np.bincount(held_out.labels).tolist() == [5] * 10
    assert len(train) + len(held_out) == N_TRAIN
    np.testing.assert_array_equal(held_out.images, data.images[-50:])
    np.testing.assert_array_equal(train.images, data.images[:-50])


# --- the progress bar ---


class Trained:
    """What the bar asks of a trainer."""

    loader = range(10)
    epoch, step, seconds = 1, 15, 2.0

    class means:
        n = 500

        @staticmethod
        def values():
            return {"loss": 0.25, "accuracy": 0.9}


@pytest.mark.parametrize("terminal", [True, False])
def test_the_bar_shows_epoch_loss_accuracy_and_speed(terminal, monkeypatch):
    monkeypatch.setattr("nets.progress.SECONDS_PER_LINE", 0.0)
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=200, highlight=False)
    bar = ProgressBar(console, "digits")

    bar.on_begin(Trained, 3)
    bar.on_epoch(Trained, {"validation_accuracy": 0.875})
    bar.on_batch(Trained)
    bar.on_end(Trained)

    text = screen.getvalue()
    assert isinstance(bar, Callback)
    assert "epoch 2/3 · loss 0.2500 · 90.00 % · 250 examples/s · validation 87.50 %" in text
    assert ("digits: 50 % done" in text) != terminal


# --- summary ---


@pytest.mark.parametrize("name", OWN)
def test_a_summary_lists_layers_and_parameters(name, capsys):
    code, out, _ = run(capsys, "summary", name)

    assert code == 0
    assert "Linear(" in out
    assert re.search(r"[\d,]+ parameters, \d\.\d\d MiB", out)


def test_a_summary_of_a_run(folder, tmp_path, capsys):
    trained(capsys, tmp_path / "run", folder)

    for path in (tmp_path / "run", tmp_path / "run" / "model.safetensors"):
        code, out, _ = run(capsys, "summary", path)
        assert code == 0
        assert "235,146 parameters" in out


@pytest.mark.parametrize("content", [None, b"rubbish"])
def test_a_summary_of_what_is_no_model_is_one_line(content, tmp_path, capsys):
    if content:
        (tmp_path / "model").write_bytes(content)

    code, _, err = run(capsys, "summary", tmp_path / "model")

    assert code == 1
    assert err.count("\n") == 1
    assert str(tmp_path / "model") in err
