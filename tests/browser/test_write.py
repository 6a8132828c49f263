"""A person has a sentence written: letters condense out of noise, and can be taken home."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from server import GameStore, ServerConfig
from tests.browser.conftest import Complaints, assert_accessible, running, wait_until_ready
from tests.server.trained import save_run, writer

pytestmark = pytest.mark.browser

PICTURE = "(canvas) => canvas.toDataURL()"


@pytest.fixture(scope="module")
def site(store: GameStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server whose model of letters draws blots."""
    runs = tmp_path_factory.mktemp("runs")
    save_run(runs / "letters", writer(), data="glyphs")
    with running(ServerConfig(runs=runs, rate_limits=False), store) as address:
        yield address


@pytest.fixture
def context_options() -> dict[str, object]:
    """The newest picture is shown at once, unless a test wants to see it move."""
    return {"reduced_motion": "reduce"}


def open_page(page: Page, settings: str = "") -> None:
    page.goto(f"/demos/write{settings}")
    wait_until_written(page)


def wait_until_written(page: Page) -> None:
    expect(page.locator("#result")).to_have_attribute("aria-busy", "false", timeout=60_000)  # the worker may be new
    wait_until_ready(page)


def write(page: Page, text: str) -> None:
    page.get_by_label("Your sentence").fill(text)
    page.keyboard.press("Enter")
    wait_until_written(page)


def picture(page: Page) -> str:
    return str(page.locator("#sheet").evaluate(PICTURE))


def test_a_sentence_is_there_at_once(page: Page) -> None:
    """On a screen and on a phone, by day and by night; axe finds nothing."""
    open_page(page)

    expect(page.get_by_role("img", name="Handwriting: Hello, 2048!")).to_be_visible()
    for width, scheme in ((1280, "light"), (390, "dark")):
        page.set_viewport_size({"width": width, "height": 844})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert_accessible(page)
    assert page.evaluate("document.getAnimations().length") == 0


def test_what_is_typed_is_written(page: Page) -> None:
    """By keyboard alone; the address keeps it, and screen readers hear of it."""
    open_page(page)
    before = picture(page)

    write(page, "What a day: 7 & 8")

    expect(page.locator("#told")).to_have_text("Written: What a day: 7 & 8")
    assert picture(page) != before
    after = picture(page)
    page.reload()
    wait_until_written(page)
    expect(page.get_by_label("Your sentence")).to_have_value("What a day: 7 & 8")
    assert picture(page) == after


def test_seed_guidance_and_sheet_are_chosen(page: Page) -> None:
    open_page(page, "#text=Ada&seed=5")
    first = picture(page)

    for name, value in (("guidance", "6"), ("case", "upper"), ("colours", "night"), ("steps", "2")):
        before = picture(page)
        with page.expect_request(lambda request, asked=f"{name}={value}": asked in request.url):
            page.locator(f"select[name={name}]").select_option(value)
        wait_until_written(page)
        assert picture(page) != before, name
    page.get_by_role("button", name="Another seed").click()
    wait_until_written(page)

    assert page.get_by_label("Seed", exact=True).input_value() != "5"
    assert picture(page) != first


def test_the_way_from_noise_can_be_gone_again(page: Page) -> None:
    open_page(page, "#text=Ada")
    last = picture(page)

    page.locator("#frame").focus()
    page.keyboard.press("Home")
    first = picture(page)
    page.keyboard.press("ArrowRight")
    second = picture(page)
    page.keyboard.press("ArrowLeft")

    assert len({first, second, last}) == 3
    assert picture(page) == first
    page.keyboard.press("End")
    assert picture(page) == last
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(page.get_by_role("button", name="Play")).to_be_visible(timeout=20_000)
    assert picture(page) == last


@pytest.mark.parametrize(("name", "kind"), [("Download GIF", "GIF"), ("Download PNG", "PNG")])
def test_it_can_be_taken_home(page: Page, name: str, kind: str, tmp_path: Path) -> None:
    open_page(page, "#text=Ada&seed=5&colours=night")

    with page.expect_download() as info:
        page.get_by_role("link", name=name, exact=True).click()

    info.value.save_as(tmp_path / "sentence")
    image = Image.open(BytesIO((tmp_path / "sentence").read_bytes()))
    assert image.format == kind
    assert info.value.suggested_filename == f"sentence.{kind.lower()}"
    size = page.locator("#sheet").evaluate("(canvas) => [canvas.width, canvas.height]")
    assert list(image.size) == size
    query = parse_qs(urlsplit(info.value.url).query)
    assert (query["text"], query["seed"], query["colours"]) == (["Ada"], ["5"], ["night"])


def test_what_cannot_be_drawn_is_named(page: Page) -> None:
    open_page(page)

    write(page, "Café")

    expect(page.locator("#error-detail")).to_contain_text("'é' (U+00E9, LATIN SMALL LETTER E WITH ACUTE) at position 4")
    expect(page.locator("#result")).to_be_hidden()
    assert_accessible(page)
    write(page, "Cafe")
    expect(page.locator("#error")).to_be_hidden()
    expect(page.get_by_role("img", name="Handwriting: Cafe")).to_be_visible()


@pytest.mark.slow
def test_nothing_is_written_of_nothing(page: Page) -> None:
    open_page(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    page.get_by_label("Your sentence").fill("")
    page.keyboard.press("Enter")
    page.wait_for_timeout(200)

    assert asked == []


class TestMoving:
    """Where motion is welcome."""

    @pytest.fixture
    def context_options(self) -> dict[str, object]:
        return {}

    def test_letters_condense_while_one_looks(self, page: Page) -> None:
        page.goto("/demos/write#text=Condensation")
        expect(page.get_by_role("button", name="Pause")).to_be_visible(timeout=60_000)

        seen = {picture(page) for _ in range(8) if page.wait_for_timeout(60) is None}

        assert len(seen) > 3


class TestWithoutModel:
    """Where nobody has trained a model of letters."""

    @pytest.fixture
    def site(self, store: GameStore, tmp_path: Path) -> Iterator[str]:
        with running(ServerConfig(runs=tmp_path), store) as address:
            yield address

    def test_the_page_says_how_to_train_one(self, page: Page, complaints: Complaints) -> None:
        page.goto("/demos/write")
        wait_until_ready(page)

        expect(page.locator("#missing-command")).to_have_text("game2048 generative train diffusion")
        expect(page.locator("#settings")).to_be_hidden()
        expect(page.locator("#result")).to_be_hidden()
        assert_accessible(page)
        assert complaints == []
