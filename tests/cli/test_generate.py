"""``game2048 generate``, with small models that have learned nothing."""

import json
import string
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from cli.main import main
from generative.image_model import save
from nets import models


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a model of letters and one of digits."""
    import generative.recipes  # noqa: F401  # registers all models

    root = tmp_path_factory.mktemp("models")
    for name, classes in (("letters", string.ascii_uppercase), ("digits", string.digits)):
        settings = {"classes": list(classes), "latent": 3, "widths": [8], "conditional": True}
        save(models.build("vae", **settings, generator=np.random.default_rng(1)), root / name)
    return root


@pytest.fixture
def generate(capsys, folder, tmp_path, monkeypatch):
    """Run the command in an empty folder; return its exit code and what it printed."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, model=folder / "letters"):
        code = main(["generate", *map(str, arguments), "--model", str(model)])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_a_sentence_becomes_a_moving_picture(generate, tmp_path):
    code, out, err = generate("HELLO WORLD", "--out", "hello.gif", "--seed", 1, "--fps", 10)

    assert (code, err) == (0, "")
    assert out.startswith("Wrote hello.gif: 24 frames, 4.3 s, ")
    with Image.open(tmp_path / "hello.gif") as image:
        assert image.n_frames > 2
        assert image.width > 3 * image.height


def test_what_was_written_can_be_had_as_json(generate, tmp_path):
    code, out, _ = generate("Hi\nyou", "--out", "a.gif", "--seed", 7, "--seconds", 1, "--hold", 0.5, "--json")

    about = json.loads(out)
    assert code == 0
    assert about["bytes"] == (tmp_path / "a.gif").stat().st_size
    assert (about["letters"], about["frames"], about["seed"], about["out"]) == (5, 20, 7, "a.gif")
    assert about["duration"] == pytest.approx(19 / 20 + 0.5)


@pytest.mark.parametrize("suffix", ["gif", "png"])
def test_same_seed_same_file(generate, tmp_path, suffix):
    for name, seed in (("one", 3), ("same", 3), ("other", 4)):
        assert generate("Dear 2", "--out", f"{name}.{suffix}", "--seed", seed)[0] == 0

    one, same, other = ((tmp_path / f"{name}.{suffix}").read_bytes() for name in ("one", "same", "other"))
    assert one == same
    assert one != other


def test_options_change_the_picture(generate, tmp_path):
    def size(*options):
        assert generate("one two three", "--out", "a.png", *options)[0] == 0
        with Image.open(tmp_path / "a.png") as image:
            return image.size, image.convert("RGB").getpixel((0, 0))

    usual, paper = size()
    assert size("--scale", 1)[0] < usual
    assert size("--width", 5)[0][1] > 2 * usual[1]
    assert size("--colours", "white")[1] == (255, 255, 255) != paper


def test_digits_come_from_their_model(generate, folder, tmp_path):
    assert generate("2", "--out", "pen.png")[0] == 0
    assert generate("2", "--out", "model.png", "--digits", folder / "digits")[0] == 0
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "digits").symlink_to(folder / "digits")
    assert generate("2", "--out", "default.png")[0] == 0

    pen, model, default = ((tmp_path / f"{name}.png").read_bytes() for name in ("pen", "model", "default"))
    assert model == default != pen


# --- what goes wrong ---


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "text must have a character that is not a space, got ''"),
        ("   ", "text must have a character that is not a space"),
        ("x" * 10_000, "text must have at most 2,000 characters, got 10,000"),
        ("caf\u00e9", "(U+00E9, LATIN SMALL LETTER E WITH ACUTE) at position 4 cannot be drawn; allowed are"),
        ("a\n" * 121, "at most 120 lines, got 121"),
    ],
    ids=["empty", "spaces", "long", "unknown", "lines"],
)
def test_a_text_that_cannot_be_written_is_one_line_and_exit_code_1(generate, tmp_path, text, message):
    code, out, err = generate(text, "--out", "a.gif")

    assert (code, out) == (1, "")
    assert message in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["", "x" * 2001])
def test_such_a_text_is_told_even_without_a_model(generate, text):
    assert "text must have" in generate(text, "--out", "a.gif", model="none")[2]


def test_an_unknown_ending_names_those_that_there_are(generate, tmp_path):
    code, _, err = generate("A", "--out", "a.webm")

    assert code == 1
    assert "must end in one of .gif, .png, .apng, .mp4, got 'a.webm'" in err


def test_a_missing_model_says_how_to_train_one(generate, tmp_path):
    code, _, err = generate("A", "--out", "a.gif", model="runs/none")

    assert code == 1
    assert "no model at runs/none; train one with: game2048 generative train diffusion --out runs/none" in err
    assert not list(tmp_path.iterdir())


def test_a_model_of_something_else_is_told(generate, folder):
    assert "'A' (U+0041" in generate("A", "--out", "a.gif", model=folder / "digits")[2]


def test_a_film_without_moviepy_says_what_to_install(generate, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "moviepy.video.io.ffmpeg_writer", None)

    code, _, err = generate("A", "--out", "a.mp4")

    assert code == 1
    assert 'pip install "game2048[video]"' in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--seed", "-1"], "--seed must be at least 0, got -1"),
        (["--fps", "0"], "--fps must be at least 1, got 0"),
        (["--width", "3"], "--width must be at least 4, got 3"),
        (["--scale", "nan"], "--scale must be at least 0.5, got nan"),
        (["--seconds", "61"], "--seconds must be at most 60, got 61"),
        (["--steps", "0"], "--steps must be at least 1, got 0"),
        (["--guidance", "-1"], "--guidance must be at least 0, got -1"),
        (["--case", "title"], "title"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_one_line_and_exit_code_2(generate, tmp_path, options, message):
    code, out, err = generate("A", "--out", "a.gif", *options)

    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert "(help: game2048 generate --help)" in err
    assert not list(tmp_path.iterdir())


def test_a_file_is_needed(generate):
    code, _, err = generate("A")

    assert code == 2
    assert "--out" in err


def test_the_command_explains_itself(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["generate", "--help"])

    assert stop.value.code == 0
    assert "usage: game2048 generate" in capsys.readouterr().out


def test_help_loads_no_engine():
    code = "import sys, cli.main; print([m for m in sys.modules if m.split('.')[0] in ('numba', 'PIL')])"

    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert printed.strip() == "[]"
