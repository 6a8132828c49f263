"""Letters come from models, the rest from a pen; each has random numbers of its own."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from generative.diffusion.latent_diffusion import latent_diffusion
from generative.errors import ModelError, TextError
from generative.writing import alphabet as module
from generative.writing.alphabet import Alphabet, RowGenerator, ink_box
from generative.writing.layout import CAPITAL, DESCENT, X_HEIGHT
from generative.writing.text import MARKS
from nets import models
from nets.data import DIGITS
from tests.generative.drawn_letters import DenoisedLetters, SuddenLetters

LETTERS = DenoisedLetters()


def drawn(text, seed=1, alphabet=None, **options):
    return list((alphabet or Alphabet(LETTERS)).draw(text, seed, **options))


def test_everything_that_the_alphabet_knows_is_drawn():
    known = "".join(sorted(Alphabet(LETTERS).characters))

    assert all(drawing.stages[-1].max() > 0.5 for drawing in drawn(known))
    assert len(drawn(known)) == len(known) == 26 + 26 + 10 + len(MARKS)


def test_what_it_does_not_know_is_an_error():
    with pytest.raises(TextError, match="'<'"):
        drawn("A<B")


def test_a_model_that_cannot_draw_is_refused():
    model = models.build("autoencoder", size=28, classes=DIGITS, widths=[4], latent=2)

    with pytest.raises(ModelError, match="Autoencoder can only reconstruct images, not draw new ones"):
        Alphabet(LETTERS, model)


def test_lower_case_is_asked_of_the_class_of_the_capital():
    class Asked(DenoisedLetters):
        def sample_steps(self, labels, *, generator, case=None, **options):
            self.asked = list(labels), list(case)
            return super().sample_steps(labels, generator=generator, case=case, **options)

    model = Asked()
    drawn("aZ", alphabet=Alphabet(model))

    assert model.asked == ([0, 25], [2, 1])


def test_digits_come_from_a_model_that_has_them():
    digits = SuddenLetters(DIGITS)

    with_model, with_pen = drawn("A1", alphabet=Alphabet(LETTERS, digits)), drawn("A1")

    assert digits.calls == [1]
    assert_array_equal(with_model[0].stages, with_pen[0].stages)
    assert not np.array_equal(with_model[1].stages, with_pen[1].stages)
    assert any(np.allclose(with_model[1].stages[-1], image) for image in digits.images[1])


def test_options_are_for_the_model_of_letters_only():
    class Counting(DenoisedLetters):
        def sample_steps(self, labels, *, generator, case=None, **options):
            self.options = options
            return super().sample_steps(labels, generator=generator, case=case, **options)

    letters, digits = Counting(), Counting(DIGITS)
    drawn("A1", alphabet=Alphabet(letters, digits, steps=7))

    assert (letters.options, digits.options) == ({"steps": 7}, {})


# --- random numbers ---


def test_repeated_letters_differ():
    first, second = drawn("AA")

    assert not np.array_equal(first.stages, second.stages)


def test_the_same_seed_draws_the_same():
    for one, same, other in zip(drawn("Ab1!"), drawn("Ab1!"), drawn("Ab1!", seed=2), strict=True):
        assert_array_equal(one.stages, same.stages)
        assert not np.array_equal(one.stages, other.stages)


@pytest.mark.parametrize("later", ["x", "XYZ 1.", "X" * 50])
def test_what_comes_later_leaves_letters_as_they_are(later):
    for before, after in zip(drawn("Hi 5!"), drawn("Hi 5!" + later)[:4], strict=True):
        assert_array_equal(before.stages, after.stages)


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_batches_make_no_difference(batch, monkeypatch):
    text = "The quick brown fox, 7 times over"
    usual = drawn(text)

    monkeypatch.setattr(module, "BATCH", batch)

    for one, same in zip(usual, drawn(text), strict=True):
        assert_array_equal(one.stages, same.stages)


def test_no_more_is_drawn_than_asked_for():
    model = DenoisedLetters()
    drawings = Alphabet(model).draw("A" * 1000, 1)

    for _ in range(module.BATCH):
        next(drawings)

    assert model.calls == [module.BATCH]


def test_the_rows_of_a_row_generator_are_those_of_its_generators():
    def rows():
        return [np.random.default_rng(seed) for seed in (3, 4)]

    together = RowGenerator(rows())
    assert_array_equal(
        together.standard_normal((2, 5), np.float32), [row.standard_normal(5, np.float32) for row in rows()]
    )
    assert_array_equal(RowGenerator(rows()).random(2), [row.random() for row in rows()])
    assert_array_equal(RowGenerator(rows()).normal(1, 2, (2, 3)), [1 + 2 * row.standard_normal(3) for row in rows()])
    assert_array_equal(RowGenerator(rows()).uniform(1, 3, (2, 3)), [1 + 2 * row.random(3) for row in rows()])
    assert_array_equal(RowGenerator(rows()).integers(9, size=(2, 3)), [row.integers(9, size=3) for row in rows()])
    out = np.empty((2, 4))
    assert RowGenerator(rows()).standard_normal(out=out) is out
    assert_array_equal(out, [row.standard_normal(4) for row in rows()])
    assert RowGenerator(rows()).random() == rows()[0].random()
    assert np.random.default_rng(together) is together


def test_letters_of_latent_diffusion_keep_their_noise_too():
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    model = latent_diffusion(
        classes=letters,
        autoencoder=models.build("vae", classes=list(letters), latent=4, widths=[8]).config,
        denoiser={"width": 16, "hidden": 16, "depth": 1, "condition": 8},
    )

    short, longer = (drawn(text, alphabet=Alphabet(model, steps=3)) for text in ("Hello", "Hello, my dear"))

    for before, after in zip(short, longer, strict=False):
        np.testing.assert_allclose(before.stages, after.stages, atol=1e-5)
    assert np.abs(short[2].stages[0] - short[3].stages[0]).max() > 1e-3  # each l has its own
    for one, same in zip(short, drawn("Hello", alphabet=Alphabet(model, steps=3)), strict=True):
        assert_array_equal(one.stages, same.stages)


# --- stages ---


def test_the_last_stage_is_what_the_model_samples():
    (letter,) = drawn("A", n_stages=20)
    (only,) = drawn("A", n_stages=1)
    generator = np.random.default_rng(np.random.SeedSequence(1, spawn_key=(0,)))

    assert len(letter.stages) == 20
    assert_array_equal(letter.stages[-1], only.stages[0])
    *_, last = LETTERS.sample_steps([0], generator=generator, case=[1])
    assert_array_equal(letter.stages[-1], last[0])


def test_letters_come_out_of_noise():
    (letter,) = drawn("A")

    errors = np.abs(letter.stages - letter.stages[-1]).mean((1, 2))
    assert errors[0] > 0.2
    assert (np.diff(errors) < 0).all()


def test_a_model_without_steps_fades_in():
    (letter,) = drawn("A", alphabet=Alphabet(SuddenLetters()))

    ink = letter.stages.sum((1, 2))
    assert (np.diff(ink) > 0).all()
    shares = letter.stages[3] / np.maximum(letter.stages[-1], 1e-9)
    assert np.ptp(shares[letter.stages[-1] > 0]) < 1e-6


def test_a_pen_only_adds_ink():
    for mark in drawn("8&?"):
        assert (np.diff(mark.stages, axis=0) >= -1e-6).all()
        assert (np.diff(mark.stages.sum((1, 2))) >= 0).all()


# --- sizes ---


def heights(character):
    """Return how high above the baseline the ink begins and ends."""
    (drawing,) = drawn(character)
    return drawing.bottom + (drawing.box[3] - drawing.box[1]) * drawing.scale, drawing.bottom


def test_letters_reach_as_high_as_they_should():
    assert heights("H") == pytest.approx((CAPITAL, 0))
    for character in "nxz":  # wide ones stay lower
        top, bottom = heights(character)
        assert 0.6 * X_HEIGHT < top <= X_HEIGHT + 1e-9
        assert bottom == 0
    for character in "pqy":
        top, bottom = heights(character)
        assert 0.6 * X_HEIGHT < top <= X_HEIGHT + 1e-9
        assert -DESCENT - 1e-9 <= bottom < -0.6 * DESCENT
    assert heights("8") == pytest.approx((CAPITAL, 0), abs=3)


def test_marks_are_where_they_should_be():
    assert -1.5 < heights(".")[1] < 1.5
    assert heights(".")[0] < CAPITAL / 3
    assert heights(",")[1] < -2
    assert heights("'")[1] > CAPITAL / 2
    assert 0 < heights("-")[1] < heights("-")[0] < CAPITAL
    assert heights("(")[0] > CAPITAL
    assert heights("(")[1] < -2


def test_a_blank_image_has_the_box_of_the_image():
    assert ink_box(np.zeros((28, 20), np.float32)) == (0, 0, 20, 28)


def test_outlines_are_where_the_ink_is():
    (drawing,) = drawn("I")
    rows = np.array([-8.0, CAPITAL / 2, CAPITAL + 8])

    left, right = drawing.outlines(rows)

    assert np.isinf(left[[0, 2]]).all()
    assert np.isinf(right[[0, 2]]).all()
    assert -1e-9 <= left[1] < right[1] <= drawing.width + 1e-9
