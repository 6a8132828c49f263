"""A person draws digits, and looks at what a network makes of them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from server import GameStore, ServerConfig
from tests.browser.conftest import Complaints, assert_accessible, running, wait_until_ready
from tests.server.trained import save_all

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "color_scheme": "dark"}
SIZES = [pytest.param(PHONE, id="phone"), pytest.param({}, id="desktop", marks=pytest.mark.slow)]
SEVEN = [(0.25, 0.25), (0.75, 0.25), (0.45, 0.85)]
ONE = [(0.5, 0.15), (0.5, 0.85)]

# What is on a canvas, from a copy: a canvas that is read is slower for the page.
PIXELS = """canvas => {
    const copy = Object.assign(document.createElement('canvas'), { width: canvas.width, height: canvas.height });
    const context = copy.getContext('2d', { willReadFrequently: true });
    context.drawImage(canvas, 0, 0);
    return context.getImageData(0, 0, copy.width, copy.height).data;
}"""
BRIGHTNESS = f"""canvas => {{
    const data = ({PIXELS})(canvas);
    return data.reduce((sum, value, i) => sum + (i % 4 ? 0 : value), 0) / (data.length / 4);
}}"""


@pytest.fixture(scope="module")
def site(store: GameStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with small models, and no data set at hand."""
    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GAME2048_DATA", str(folder / "nothing"))
        with running(ServerConfig(runs=save_all(folder / "runs"), rate_limits=False), store) as address:
            yield address


def open_page(page: Page, address: str = "/demos/draw") -> None:
    page.goto(address)
    wait_until_ready(page)


def draw(page: Page, points: list[tuple[float, float]]) -> None:
    """Draw a line through points, in sides of the pad."""
    box = page.locator("#pad").bounding_box()
    assert box is not None
    (x, y), *rest = [(box["x"] + px * box["width"], box["y"] + py * box["height"]) for px, py in points]
    page.mouse.move(x, y)
    page.mouse.down()
    for x, y in rest:
        page.mouse.move(x, y, steps=5)
    page.mouse.up()


def brightness(canvas: Locator) -> float:
    """How much red is on a canvas on average, from 0 to 255."""
    return float(canvas.evaluate(BRIGHTNESS))


def test_what_is_drawn_is_seen_read_and_followed_through_the_network(page: Page) -> None:
    open_page(page)
    expect(page.get_by_text("Draw a digit here")).to_be_visible()
    expect(page.locator("#answer")).to_have_text("?")
    expect(page.locator("#inside")).to_be_hidden()

    draw(page, SEVEN)

    expect(page.locator("#answer")).to_have_text("7")
    expect(page.get_by_text("Draw a digit here")).to_be_hidden()
    expect(page.locator("#classes li")).to_have_count(10)
    expect(page.locator("#classes li.best .name")).to_have_text("7")
    shares = [share.replace("<1", "0") for share in page.locator("#classes .share").all_text_contents()]
    assert sum(int(share.removesuffix(" %")) for share in shares) == pytest.approx(100, abs=5)
    expect(page.locator("#spoken")).to_have_text(re.compile(r"^Read as 7, \d+ % sure$"))
    assert brightness(page.locator("#seen")) > 10
    expect(page.locator("#units li")).to_have_count(24)
    assert brightness(page.locator("#units .weights").first) > 1
    expect(page.locator("#took")).to_contain_text("in this page")


def test_a_line_can_be_taken_back_and_the_pad_cleared(page: Page) -> None:
    open_page(page)
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    draw(page, ONE)
    expect(page.locator("#answer")).to_have_text("1")
    draw(page, [(0.5, 0.15), (0.9, 0.15), (0.9, 0.85), (0.5, 0.85)])
    expect(page.locator("#answer")).not_to_have_text("1")

    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#answer")).to_have_text("1")
    page.get_by_role("button", name="Clear").click()

    expect(page.locator("#answer")).to_have_text("?")
    assert brightness(page.locator("#pad")) == 0
    expect(page.get_by_role("button", name="Clear")).to_be_disabled()


def test_examples_need_no_mouse(page: Page) -> None:
    open_page(page)

    right = 0
    for digit in "0123456789":
        page.locator("#example-class").select_option(digit)
        page.locator("#clear").dispatch_event("click")
        expect(page.locator("#answer")).to_have_text("?")
        page.locator("#example").focus()
        page.keyboard.press("Enter")
        expect(page.locator("#answer")).not_to_have_text("?")
        right += page.locator("#answer").text_content() == digit
    assert right >= 8, "a network that knows printed digits should read most"
    expect(page.locator("#source")).to_have_text("The examples are generated.")


def test_the_server_reads_the_same(page: Page) -> None:
    open_page(page)
    draw(page, SEVEN)
    expect(page.locator("#took")).to_contain_text("in this page")
    here = page.locator("#classes .share").all_text_contents()

    page.locator("#where").select_option("on the server")

    expect(page.locator("#took")).to_contain_text("on the server")
    assert page.locator("#classes .share").all_text_contents() == here
    expect(page.locator("#inside")).to_be_hidden()


def test_what_the_page_cannot_run_the_server_reads(page: Page, complaints: Complaints) -> None:
    """Such a network is refused with 422."""
    refused = re.compile("/weights.*run=printed")
    page.route(refused, lambda route: route.fulfill(status=422, json={"title": "no", "status": 422}))
    open_page(page)

    draw(page, SEVEN)

    expect(page.locator("#answer")).to_have_text("7")
    expect(page.locator("#took")).to_contain_text("on the server")
    assert page.locator("#where").input_value() == "server"
    complaints.expect("422")
    page.locator("#network").select_option("conv")
    expect(page.locator("#took")).to_contain_text("in this page")


def test_a_convolutional_network_shows_kernels_maps_and_later_layers(page: Page) -> None:
    open_page(page)
    draw(page, SEVEN)

    page.locator("#network").select_option("conv")

    expect(page.locator("#units.maps li")).to_have_count(4)
    expect(page.locator("#units .map").first).to_be_visible()
    assert page.locator("#units .map").first.evaluate("canvas => canvas.width") == 28
    maps = re.compile(r"^Layer [23]: 6 maps of 14 \S 14$")
    expect(page.locator("#later figcaption")).to_have_text([maps, maps])


def test_letters_are_read_by_another_network(page: Page) -> None:
    open_page(page)
    draw(page, SEVEN)

    page.get_by_role("button", name="Letters").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Draw a letter")
    expect(page.locator("#classes li")).to_have_count(26)
    expect(page.locator("#answer")).to_have_text("?")
    expect(page).to_have_url(re.compile(r"\?read=letters$"))
    page.reload()
    wait_until_ready(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Draw a letter")
    page.locator("#example").click()
    expect(page.locator("#answer")).to_have_text(re.compile("^[A-Z]$"))


@pytest.mark.parametrize("context_options", SIZES)
def test_the_page_is_accessible_and_fits(page: Page) -> None:
    open_page(page)
    assert_accessible(page)
    draw(page, SEVEN)
    expect(page.locator("#answer")).to_have_text("7")

    assert_accessible(page)

    assert page.locator("#pad").evaluate("pad => pad.getBoundingClientRect().width") >= 280
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    answer, pad = page.locator("#answer").bounding_box(), page.locator("#pad").bounding_box()
    assert answer is not None
    assert pad is not None
    assert answer["y"] < pad["y"] + pad["height"], "who draws should see the answer"


@pytest.mark.parametrize("context_options", [PHONE], ids=["phone"])
def test_a_finger_draws(page: Page) -> None:
    open_page(page)

    page.locator("#pad").tap()

    expect(page.locator("#answer")).not_to_have_text("?")


class TestWithoutModels:
    """The pages of a server that has trained nothing."""

    @pytest.fixture
    def site(self, store: GameStore, tmp_path: Path) -> Iterator[str]:
        with running(ServerConfig(runs=tmp_path), store) as address:
            yield address

    def test_the_drawing_page_says_what_trains_a_network(self, page: Page) -> None:
        open_page(page)

        expect(page.locator("#missing")).to_contain_text("game2048 nets mnist --model conv")
        expect(page.locator("#demo")).to_be_hidden()
        assert_accessible(page)
        page.get_by_role("button", name="Letters").click()
        expect(page.locator("#missing")).to_contain_text("game2048 nets emnist --model conv")

    def test_the_page_of_demos_says_so_of_each(self, page: Page) -> None:
        open_page(page, "/demos")

        expect(page.locator(".needs:visible")).to_have_count(3)
        assert_accessible(page)

    def test_the_latent_explorer_says_what_trains_its_models(self, page: Page) -> None:
        open_page(page, "/demos/latent")

        expect(page.locator(".missing:visible code")).to_have_text(
            ["game2048 generative train ae", "game2048 generative train vae"]
        )
        expect(page.locator("#journey")).to_be_hidden()
        assert_accessible(page)


@pytest.mark.parametrize("context_options", SIZES)
def test_the_page_of_demos_leads_to_each(page: Page) -> None:
    open_page(page, "/demos")
    assert_accessible(page)
    expect(page.locator(".needs:visible")).to_have_count(1)  # nothing here writes
    assert page.locator(".card img").evaluate_all("images => images.every(image => image.naturalWidth === 448)")

    for name, title in {"Draw a digit or a letter": "Draw a digit", "Latent explorer": "Latent explorer"}.items():
        page.get_by_role("link", name=name).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
        wait_until_ready(page)
        page.get_by_role("link", name="All demos").click()
