"""``game2048 generative``, on generated letters and a few steps."""

import json
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from cli.main import main
from generative import recipes
from generative.image_model import load
from generative.recipe import read_settings
from nets.data import Split, glyphs

LETTERS = Split(glyphs(600, generator=1), glyphs(300, generator=2))


@pytest.fixture(autouse=True)
def few_letters(monkeypatch):
    """Generate few letters instead of many."""
    monkeypatch.setattr("generative.datasets.generated_letters", lambda: LETTERS)


@pytest.fixture(autouse=True)
def in_an_empty_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def run(*arguments):
    return main([str(argument) for argument in ("generative", *arguments)])


def trained(family, out, *options, recipe="default", steps=4):
    return run(
        "train", family, "--recipe", recipe, "--dataset", "glyphs", "--steps", steps, "--out", out, "--json", *options
    )


@pytest.fixture(scope="module")
def letters(tmp_path_factory):
    """A model of letters, as a user has it."""
    folder = tmp_path_factory.mktemp("runs") / "letters"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("generative.datasets.generated_letters", lambda: LETTERS)
        assert run("train", "vae", "--dataset", "glyphs", "--steps", 30, "--out", folder) == 0
    return folder


@pytest.mark.parametrize(("family", "recipe"), [("ae", "default"), ("vae", "default"), ("gan", "default")])
def test_every_family_trains_and_says_what_it_did(capsys, tmp_path, family, recipe):
    assert trained(family, tmp_path / "run", recipe=recipe) == 0

    figures = json.loads(capsys.readouterr().out)
    assert figures["family"] == family
    assert figures["data"] == "glyphs"
    assert figures["interrupted"] is False
    assert figures["parameters"] == sum(p.numel() for p in load(tmp_path / "run").parameters())
    recipe, seed = read_settings(tmp_path / "run")
    assert (recipe.steps, seed) == (4, 0)


def test_the_same_seed_gives_the_same_file_of_samples(tmp_path, letters):
    for name in ("a", "b"):
        assert run("sample", "--model", letters, "--per-class", 3, "--seed", 7, "--out", f"{name}.npz") == 0
    assert run("sample", "--model", letters, "--per-class", 3, "--seed", 8, "--out", "c.npz") == 0

    a, b, c = (np.load(tmp_path / f"{name}.npz") for name in "abc")
    assert a["images"].shape == (78, 28, 28)
    assert a["images"].dtype == np.float32
    assert a["images"].min() >= 0
    assert a["images"].max() <= 1
    np.testing.assert_array_equal(a["labels"], np.repeat(np.arange(26), 3))
    np.testing.assert_array_equal(a["images"], b["images"])
    assert not np.array_equal(a["images"], c["images"])


def test_a_sheet_of_samples_is_a_picture(capsys, tmp_path, letters):
    assert run("sample", "--model", letters, "--per-class", 2, "--out", "new folder/sheet.png") == 0

    with Image.open(tmp_path / "new folder" / "sheet.png") as picture:
        assert min(picture.size) > 56
    assert "Wrote 52 images to new folder/sheet.png" in capsys.readouterr().out


def test_interpolation_writes_as_many_frames_as_asked(capsys, tmp_path, letters):
    assert run("interpolate", "--models", letters, letters, "--first", "A", "--last", "B", "--frames", 5) == 0

    with Image.open(tmp_path / "path.gif") as picture:
        assert picture.n_frames == 5
    assert (
        run("interpolate", "--models", letters, "--first", "A", "--last", "B", "--frames", 12, "--out", "path.png") == 0
    )
    with Image.open(tmp_path / "path.png") as picture:
        assert picture.size == (12 * 28 * 3, 28 * 3)


def test_a_report_measures_a_model_and_a_file_beside_it(capsys, tmp_path, letters):
    from nets import models
    from nets.checkpoint import save

    judge = models.build("conv", n_classes=26, channels=[4, 8], depth=[1, 1], embedding=8)
    save(judge, tmp_path / "judge" / "model.safetensors", notes={"classes": list(LETTERS.test.classes)})
    assert run("sample", "--model", letters, "--per-class", 6, "--out", "samples.npz") == 0
    capsys.readouterr()

    assert (
        run(
            "report", letters, "--judge", "judge", "--per-class", 6, "--compare", "samples.npz", "--json",
            "--out", "report.html",
        )
        == 0
    )  # fmt: skip

    figures = json.loads(capsys.readouterr().out)
    assert {"frechet", "coverage", "recall", "sharpness"} <= set(re.findall(r'"(\w+)":', json.dumps(figures)))
    assert "<html" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("train",), 2, "the kind of model is missing: ae, vae, diffusion or gan"),
        (("train", "vae", "--recipe", "nothing"), 1, "recipe must be one of vae's: default (mnist)"),
        (("train", "vae", "--steps", 0), 2, "--steps must be at least 1, got 0"),
        (("train", "vae", "--seed", -1), 2, "--seed must be at least 0, got -1"),
        (("train", "vae", "--threads", 0), 2, "--threads must be at least 1, got 0"),
        (("train", "vae", "--resume", "--overwrite"), 2, "--resume and --overwrite exclude each other"),
        (("train", "vae", "--resume", "--steps", 3), 2, "--resume keeps the run's own --steps; leave it out"),
        (("train", "--resume"), 2, "--resume needs the kind of model, or the folder of the run with --out"),
        (("train", "vae", "--resume"), 1, "no run in runs/vae: there is no settings.json"),
        (("sample", "--model", "nothing"), 1, "no model at nothing; train one with: game2048 generative train"),
        (("sample", "--model", ".", "--out", "x.jpg"), 2, "--out must end in .npz or .png, got x.jpg"),
        (("sample", "--model", ".", "--per-class", 0), 2, "--per-class must be at least 1, got 0"),
        (("sample", "--model", ".", "--per-class", 10**5), 2, "--per-class must be at most 10000, got 100000"),
        (("sample", "--model", ".", "--per-class", 2000, "--out", "x.png"), 2, "--per-class must be at most 1000"),
        (("sample", "--model", "."), 1, "no finished model in .: there is no model.safetensors"),
        (("interpolate", "--frames", 1), 2, "--frames must be at least 2, got 1"),
        (("interpolate", "--out", "x.txt"), 1, "the file must end in one of .gif"),
        (("report", "nothing"), 1, "no model at nothing"),
        (("report", "x", "--out", "x.pdf"), 2, "--out must end in .html or .png, got x.pdf"),
        (("report", "x.npz"), 1, "no judge at runs/judge-emnist; train one with: game2048 nets emnist --model judge"),
    ],
)
def test_wrong_questions_get_one_clear_line(capsys, arguments, code, message):
    assert run(*arguments) == code

    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_a_run_is_not_replaced_by_accident(capsys, tmp_path):
    assert trained("vae", "run") == 0
    assert trained("vae", "run") == 1
    assert "run holds a run already; go on with --resume, or replace it with --overwrite" in capsys.readouterr().err
    assert trained("vae", "run", "--overwrite", steps=2) == 0
    assert run("train", "--resume", "--out", "run") == 1
    assert "run has done its 2 steps" in capsys.readouterr().err


def test_runs_without_a_name_get_the_next_free_folder(tmp_path):
    for _ in range(2):
        assert run("train", "vae", "--dataset", "glyphs", "--steps", 2) == 0

    assert (tmp_path / "runs/vae/model.safetensors").exists()
    assert (tmp_path / "runs/vae-2/model.safetensors").exists()


def test_an_autoencoder_cannot_draw_and_says_what_it_can(capsys, tmp_path):
    assert trained("ae", "seer", steps=1) == 0

    assert run("sample", "--model", "seer") == 1

    err = capsys.readouterr().err
    assert "seer holds an autoencoder, which cannot draw new images" in err
    assert "game2048 generative report seer" in err
    assert not (tmp_path / "samples.npz").exists()


def test_a_file_that_cannot_be_written_is_told_before_the_work(capsys, tmp_path, letters, monkeypatch):
    monkeypatch.setattr("generative.autoencoders.vae.VAE.sample", lambda *_, **__: pytest.fail("it worked in vain"))
    (tmp_path / "folder.npz").mkdir()
    (tmp_path / "file").touch()

    assert run("sample", "--model", letters, "--out", "folder.npz") == 1
    assert "folder.npz is a folder, not a file" in capsys.readouterr().err
    assert run("sample", "--model", letters, "--out", "file/samples.npz") == 1
    assert "file: " in capsys.readouterr().err
    monkeypatch.setattr("os.access", lambda *_: False)
    assert run("sample", "--model", letters, "--out", "closed/samples.npz") == 1
    assert "closed cannot be written to" in capsys.readouterr().err


def test_interpolation_takes_the_file_of_a_model_for_its_folder(letters):
    file = letters / "model.safetensors"

    assert run("interpolate", "--models", file, "--first", "A", "--last", "B", "--frames", 2) == 0


def test_steps_and_guidance_are_for_diffusion_only(capsys, letters):
    assert run("sample", "--model", letters, "--guidance", 2) == 2

    assert "--guidance is for diffusion models" in capsys.readouterr().err


def test_missing_data_are_told_with_a_way_out(capsys, tmp_path):
    assert run("train", "vae", "--data", tmp_path) == 1

    assert "or do without: --dataset glyphs" in capsys.readouterr().err


@pytest.mark.slow
def test_ctrl_c_saves_and_resuming_ends_where_an_undisturbed_run_does(tmp_path):
    command = [sys.executable, "-m", "cli", "generative", "train", "vae", "--dataset", "glyphs", "--steps", "60"]
    subprocess.run([*command, "--out", tmp_path / "whole"], check=True, capture_output=True)

    process = subprocess.Popen([*command, "--out", tmp_path / "stopped"], stderr=subprocess.DEVNULL)
    while not (tmp_path / "stopped" / "settings.json").exists():
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    code = process.wait()
    if code == 0:
        pytest.skip("it was done before it could be stopped")
    assert code == 130
    assert not (tmp_path / "stopped" / "model.safetensors").exists()
    resumed = [sys.executable, "-m", "cli", "generative", "train", "--resume", "--out", tmp_path / "stopped"]
    subprocess.run(resumed, check=True, capture_output=True)

    whole, stopped = (load(tmp_path / name).state_dict() for name in ("whole", "stopped"))
    for name, array in whole.items():
        np.testing.assert_array_equal(array, stopped[name])


def test_recipes_have_names_that_are_found():
    for recipe in recipes.ALL:
        assert recipes.find(recipe.family, recipe.name, recipe.data) is recipe
