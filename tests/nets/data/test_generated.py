"""Generated letters: whole, legible, and the same for the same seed."""

import numpy as np
import PIL.ImageFont
import pytest

from nets.data import DIGITS, LOWERCASE, UPPERCASE, glyphs
from nets.data.faces import FACES, WEIGHTS, masters
from nets.data.generated import half_extents
from nets.errors import ArgumentError, CorruptDataError, MissingDataError

ALL = UPPERCASE + LOWERCASE + DIGITS


@pytest.fixture(scope="module")
def letters():
    return glyphs(2000, generator=0)


def test_the_data_set_is_balanced_and_complete(letters):
    assert (letters.images.shape, letters.images.dtype) == ((2000, 28, 28), np.uint8)
    counts = np.bincount(letters.labels, minlength=26)
    assert (counts.min(), counts.max()) == (76, 77)
    assert letters.classes == tuple(UPPERCASE)
    assert set(letters.source.tolist()) == set(range(len(FACES)))
    assert (letters.case == 1).all()


def test_the_seed_decides_bit_for_bit(letters):
    again = glyphs(2000, generator=np.random.default_rng(0))

    np.testing.assert_array_equal(again.images, letters.images)
    np.testing.assert_array_equal(again.labels, letters.labels)
    assert not np.array_equal(glyphs(2000, generator=1).images, letters.images)


def test_no_two_images_are_the_same(letters):
    assert len(np.unique(letters.images.reshape(2000, -1), axis=0)) == 2000


@pytest.mark.parametrize("size", [16, 28, 47])
def test_ink_is_bright_and_never_cut_off(size):
    """Even with amounts so large that letters must be made smaller; the border has at most the tail of the blur."""
    images = glyphs(
        1500, generator=3, characters=ALL, size=size, scale=0.5, rotation=90, shear=0.6, shift=1, blur=0.5
    ).images

    assert (images.max((1, 2)) == 255).all()
    border = np.concatenate([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], axis=1)
    assert border.max() < 128
    assert np.mean(border > 0) < 0.05


def test_letters_are_large_and_in_the_middle():
    images = glyphs(500, generator=0, shift=0, blur=0).images
    rows = (images > 127).any(2)
    heights = 28 - rows[:, ::-1].argmax(1) - rows.argmax(1)

    assert 15 <= np.median(heights) <= 22
    middle = rows.argmax(1) + heights / 2
    assert np.abs(middle - 14).max() <= 1.5


def test_an_upright_letter_is_its_drawing():
    """Without any variation an L has a stem at the left and a foot at the bottom."""
    still = {"shift": 0, "rotation": 0, "scale": 0, "shear": 0, "blur": 0}
    image = glyphs(1, generator=0, characters="L", fonts=["futural"], **still).images[0].astype(int)
    rows, columns = image.sum(1), image.sum(0)
    top, bottom = np.flatnonzero(rows)[[0, -1]]
    left, right = np.flatnonzero(columns)[[0, -1]]

    assert image[top + 2, left : left + 5].max() > 127
    assert image[top + 2, right - 5 : right + 1].max() == 0
    assert image[bottom - 3 : bottom + 1, right - 2].max() > 127


def test_case_is_told():
    found = glyphs(62, generator=0, characters=ALL)
    told = {found.classes[label]: case for label, case in zip(found.labels, found.case, strict=True)}

    assert (told["A"], told["a"], told["7"]) == (1, 2, 0)


def test_a_classifier_by_nearest_mean_finds_most_letters():
    """What is drawn under a label is a letter of its class: seen from the labels alone, with the plainest method."""
    train, test = glyphs(6000, generator=0), glyphs(500, generator=1)
    means = np.stack([train.images[train.labels == k].mean(0).ravel() for k in range(26)])
    x = test.images.reshape(len(test), -1).astype(float)
    nearest = np.argmax(x @ means.T - 0.5 * (means**2).sum(1), axis=1)

    assert np.mean(nearest == test.labels) > 0.5


# --- drawings ---


@pytest.fixture(scope="module")
def drawn():
    return masters(FACES, ALL, 38)


def test_every_character_is_drawn_in_every_face_and_weight_within_its_frame(drawn):
    assert drawn.shape == (len(FACES), 62, len(WEIGHTS), 76, 76)
    assert (drawn.max((3, 4)) > 200).all()
    assert not drawn[..., [0, -1], :].any()
    assert not drawn[..., [0, -1]].any()


def test_heavier_drawings_have_more_ink(drawn):
    ink = drawn.mean((3, 4))
    assert (np.diff(ink, axis=2) > 0).all()


def test_faces_differ_visibly(drawn):
    """The least alike letters of two faces share less than three quarters of their ink, at like weights."""
    upper = drawn[:, :26, 1].astype(float)
    for i in range(len(FACES)):
        for j in range(i):
            common = np.minimum(upper[i], upper[j]).sum((1, 2))
            either = np.maximum(upper[i], upper[j]).sum((1, 2))
            assert (common / either).min() < 0.75, (FACES[i], FACES[j])


def test_capitals_are_equally_high_in_all_faces(drawn):
    heights = 2 * half_extents(drawn[:, ALL.index("H"), 0])[:, 0]
    assert heights.min() >= 36
    assert heights.max() <= 48  # the script's H swings out


def test_a_font_file_may_be_named(tmp_path):
    path = tmp_path / "mine.ttf"
    path.write_bytes(PIL.ImageFont.load_default(20).font_bytes)

    mine = glyphs(20, generator=0, fonts=[path, "gothiceng"])

    aileron = glyphs(20, generator=0, fonts=["aileron", "gothiceng"])
    np.testing.assert_array_equal(mine.images, aileron.images)


def test_a_font_that_is_not_usable_is_named(tmp_path):
    with pytest.raises(MissingDataError, match=r"no font file .*nowhere\.ttf.* the faces are aileron, "):
        glyphs(1, generator=0, fonts=[tmp_path / "nowhere.ttf"])
    (tmp_path / "text.ttf").write_text("not a font")
    with pytest.raises(CorruptDataError, match=r"text\.ttf is not a TrueType"):
        glyphs(1, generator=0, fonts=[tmp_path / "text.ttf"])


@pytest.mark.parametrize("face", ["aileron", "futural"])
@pytest.mark.parametrize("character", ["\u4e2d", "\x00"])
def test_a_character_that_a_face_lacks_is_named(face, character):
    with pytest.raises(ArgumentError, match=f"face {face}, which lacks"):
        glyphs(1, generator=0, characters=character, fonts=[face])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"n": 0}, "n must be at least 1, got 0"),
        ({"size": 7}, "size must be at least 8 pixels, got 7"),
        ({"characters": ""}, "1 to 255 different ones, got ''"),
        ({"characters": "ABA"}, "different"),
        ({"fonts": []}, "at least one face"),
        ({"scale": 1}, r"scale must be in \[0, 1\)"),
        ({"blur": -1}, "blur must be finite and not negative, got -1"),
        ({"shift": np.nan}, "shift must be finite"),
    ],
)
def test_impossible_settings_are_refused(change, said):
    with pytest.raises(ArgumentError, match=said):
        glyphs(**{"n": 1, "generator": 0} | change)
