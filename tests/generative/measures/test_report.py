import re
import sys
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from generative import recipes
from generative.errors import GenerativeError
from generative.measures.plots import curve_names, tiled, to_svg
from generative.measures.report import evaluate, evaluate_images, render_html, write_html, write_png
from generative.training import train
from tests.generative.judging import judge, letters


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / 'a <b> & "c"'
    known = recipes.find("vae", "conditional", "glyphs")
    short = replace(known, settings={**known.settings, "latent": 4, "widths": [32]}, steps=60, steps_per_epoch=20)
    train(short, letters().train, 0, folder=folder)
    return evaluate(folder, judge(), letters(), per_class=20)


@pytest.fixture(scope="module")
def page(evaluation):
    return render_html(evaluation)


class Tags(HTMLParser):
    """Sees that every tag is closed, and collects attributes."""

    VOID = frozenset({"meta", "img", "br"})

    def __init__(self, text):
        super().__init__()
        self.open, self.attributes = [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.attributes += [(tag, *pair) for pair in attributes]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.attributes += [(tag, *pair) for pair in attributes]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def all(self, name):
        return [value for _, key, value in self.attributes if key == name]


def test_the_page_is_well_formed_and_its_ids_are_unique(page):
    ids = Tags(page).all("id")

    assert len(ids) == len(set(ids)) > 10


def test_the_page_asks_for_nothing_from_elsewhere(page):
    tags = Tags(page)

    assert all(source.startswith("data:image/png;base64,") for source in tags.all("src"))
    assert all(target.startswith("#") for target in tags.all("href") + tags.all("xlink:href"))
    assert not re.search(r"url\((?!#)|@import|<script|<link", page)


def test_every_picture_of_the_page_has_words_for_it(page):
    tags = Tags(page)

    assert len(tags.all("alt")) == len(tags.all("src"))
    assert len(tags.all("aria-label")) >= page.count("<svg")


def test_the_page_is_for_light_and_dark_and_for_phones(page):
    assert '<meta name="color-scheme" content="light dark">' in page
    assert "prefers-color-scheme: dark" in page
    assert 'name="viewport"' in page
    assert not re.search(r"#01020[3]|#04050[6]|#07080[9]", page)  # every colour of a chart became a variable


def test_the_page_has_every_row_of_the_table_and_every_class(evaluation, page):
    for row in evaluation.rows[1:]:
        assert f'<th scope="row">{row.name}</th>' in page
    assert f"{100 * evaluation.figures.accuracy:.1f}\N{NO-BREAK SPACE}%" in page
    for name in evaluation.classes:
        assert f'alt="samples of {name}"' in page
    for words in ("Is it copied?", "Through the autoencoder", "Training", "latent", "batch_size", "95 % interval"):
        assert words in page


def test_names_that_look_like_tags_are_words(page):
    assert "a &lt;b&gt; &amp; &#34;c&#34;" in page
    assert "<b> &" not in page


def test_names_that_look_like_formulas_are_words(evaluation, tmp_path):
    odd = replace(evaluation, title=r"$\bad$", classes=(r"$\bad$", *evaluation.classes[1:]))

    write_png(odd, tmp_path / "report.png")  # where matplotlib would stumble over a formula of its own language

    assert (tmp_path / "report.png").is_file()


def test_the_same_evaluation_gives_the_same_page(evaluation, page):
    assert render_html(evaluation) == page


def test_page_and_picture_are_written_into_new_folders(evaluation, page, tmp_path):
    write_html(evaluation, tmp_path / "new" / "report.html")
    write_png(evaluation, tmp_path / "other" / "report.png")

    assert (tmp_path / "new" / "report.html").read_text(encoding="utf-8") == page
    with Image.open(tmp_path / "other" / "report.png") as picture:
        assert picture.size[0] > 1000
        assert len(np.unique(np.asarray(picture.convert("L")))) > 50
    assert [path.name for path in tmp_path.rglob("*.*")] == ["report.html", "report.png"]


def test_images_of_unknown_origin_have_a_page_without_training(tmp_path):
    images = np.random.default_rng(0).random((40, 16, 16), np.float32)
    np.savez(tmp_path / "noise.npz", images=images, labels=np.arange(40) % 4)

    page = render_html(evaluate_images(tmp_path / "noise.npz", judge(), letters()))

    assert "noise.npz" in page
    assert 'id="training"' not in page
    assert 'id="reconstructions"' not in page
    Tags(page)


def test_a_model_that_is_not_told_the_class_is_not_blamed_for_it(evaluation):
    page = render_html(replace(evaluation, conditional=False))

    assert "not told which class to draw" in page
    assert 'id="classes"' not in page


def test_without_matplotlib_it_is_said_what_to_install(evaluation, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)

    with pytest.raises(
        GenerativeError, match=r'reports need matplotlib; install it with: pip install "game2048\[plots\]"'
    ):
        write_html(evaluation, tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


# --- parts ---


def test_curves_are_what_was_measured_the_loss_first():
    rows = [{"epoch": 1, "step": 5, "kl": 1.0, "loss": 2.0, "lr": 0.1, "seconds": 3.0, "name": "x"}]

    assert curve_names(rows) == ["loss", "kl"]


def test_images_are_laid_out_row_by_row():
    images = np.arange(1, 7, dtype=np.float32)[:, None, None] * np.ones((6, 2, 2), np.float32)

    sheet = tiled(images, columns=3)

    assert sheet.shape == (4, 6)
    assert sheet[::2, ::2].tolist() == [[1, 2, 3], [4, 5, 6]]


def test_a_chart_is_an_element_in_the_colours_of_the_page():
    svg = to_svg(lambda ax, colours: ax.plot([0, 1], [1, 0], color=colours.accent), 3, 2, 'a "chart"')

    assert svg.startswith('<svg role="img" aria-label="a &quot;chart&quot;"')
    assert "stroke: var(--accent)" in svg
    assert not re.search(r"<svg[^>]* width=", svg)
    assert "font-size: 10px" in svg
