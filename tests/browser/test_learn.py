"""A person looks how learning works: lessons are held on the server, drawn as they come, and played again."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from server import GameStore, ServerConfig
from tests.browser.conftest import Complaints, assert_accessible, running, wait_until_ready

pytestmark = pytest.mark.browser

COLOURS = """(canvas) => {
    const copy = Object.assign(document.createElement('canvas'), { width: canvas.width, height: canvas.height });
    const context = copy.getContext('2d', { willReadFrequently: true });
    context.drawImage(canvas, 0, 0);
    const { data } = context.getImageData(0, 0, copy.width, copy.height);
    const seen = new Set();
    for (let i = 0; i < data.length; i += 4) {
        if (data[i + 3] > 0) seen.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
    }
    return seen.size;
}"""
PIXELS = "(canvas) => canvas.toDataURL()"

LAST = {
    "backpropagation": "step 600",
    "weights": "step 300",
    "adam": "step 240",
    "td": "700 games",
    "diffusion": "step 1200",
}
IN_SHORT = ("backpropagation", "td")  # drawn whole by default, the others by the slow tests


@pytest.fixture(scope="module")
def site(store: GameStore) -> Iterator[str]:
    """A server without runs: lessons need none."""
    with running(ServerConfig(runs=None, rate_limits=False), store) as address:
        yield address


@pytest.fixture
def context_options() -> dict[str, object]:
    """Lessons show their newest frame at once, unless a test wants to see them play."""
    return {"reduced_motion": "reduce"}


def open_lesson(page: Page, name: str, settings: str = "") -> None:
    page.goto(f"/learn/{name}{settings}")
    expect(page.locator("#stage")).to_have_attribute("aria-busy", "false", timeout=60_000)  # the worker may be new
    wait_until_ready(page)


def reading(page: Page) -> Locator:
    return page.locator("#reading")


def pixels(page: Page, canvas: str) -> str:
    return str(page.locator(canvas).evaluate(PIXELS))


def test_the_first_page_leads_to_every_lesson(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="Learn", exact=True).click()
    wait_until_ready(page)

    links = page.locator(".ideas a").evaluate_all("links => links.map((link) => link.getAttribute('href'))")

    assert sorted(links) == sorted(f"/learn/{name}" for name in LAST)
    assert_accessible(page)


@pytest.mark.parametrize(
    "name", [name if name in IN_SHORT else pytest.param(name, marks=pytest.mark.slow) for name in LAST]
)
def test_a_lesson_is_drawn_to_its_end(page: Page, name: str) -> None:
    """On a screen and on a phone, by day and by night; nothing is wider than the screen, and axe finds nothing."""
    open_lesson(page, name)

    expect(reading(page)).to_contain_text(LAST[name])
    expect(page.locator("#told")).to_contain_text(LAST[name])  # what screen readers hear
    assert page.locator("math").count() >= 2
    for width, scheme in ((1280, "light"), (390, "dark")):
        page.set_viewport_size({"width": width, "height": 844})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.wait_for_timeout(150)
        for canvas in page.locator("canvas").all():
            assert canvas.evaluate(COLOURS) > 3
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert_accessible(page)


def test_where_nothing_shall_move_nothing_does(page: Page) -> None:
    open_lesson(page, "diffusion")

    expect(page.get_by_role("button", name="Play")).to_be_visible()
    expect(reading(page)).to_contain_text("step 1200")
    before = pixels(page, "#points")
    page.wait_for_timeout(300)
    assert pixels(page, "#points") == before
    assert page.evaluate("document.getAnimations().length") == 0


def test_a_lesson_is_stopped_turned_back_and_played_again(page: Page) -> None:
    """By keyboard alone."""
    open_lesson(page, "backpropagation")
    last = pixels(page, "#map")
    page.locator("#frame").focus()

    page.keyboard.press("Home")

    expect(reading(page)).to_contain_text("step 0: loss")
    expect(page.locator("#frame")).to_have_attribute("aria-valuetext", reading(page).inner_text())
    assert pixels(page, "#map") != last
    page.keyboard.press("ArrowRight")
    expect(reading(page)).to_contain_text("step 1: loss")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Pause")).to_be_focused()
    page.wait_for_timeout(400)
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Play")).to_be_focused()
    assert page.locator("#frame").input_value() not in ("0", "1")


def test_settings_are_those_of_the_address(page: Page) -> None:
    open_lesson(page, "backpropagation", "#data=moons&width=6&seed=5&lr=nonsense&length=3")

    expect(reading(page)).to_contain_text("of 120 right")
    expect(page.locator("select[name=width]")).to_have_value("6")
    expect(page.locator("select[name=lr]")).to_have_value("0.1")
    with page.expect_request("**/api/lessons/backpropagation?*") as info:
        page.locator("select[name=data]").select_option("xor")
    assert "data=xor&width=6&lr=0.1&seed=5" in info.value.url
    expect(reading(page)).to_contain_text("of 4 right")
    assert page.url.endswith("#data=xor&width=6&lr=0.1&seed=5")


@pytest.mark.slow
def test_another_seed_is_another_lesson(page: Page) -> None:
    open_lesson(page, "weights", "#seed=1001")
    before = pixels(page, "#images")

    page.get_by_role("button", name="Another seed").click()

    expect(page.locator("#stage")).to_have_attribute("aria-busy", "false")
    assert page.get_by_label("Seed", exact=True).input_value() != "1001"
    expect(reading(page)).to_contain_text("step 300")
    assert pixels(page, "#images") != before


@pytest.mark.slow
def test_what_flows_back_is_shown(page: Page) -> None:
    open_lesson(page, "backpropagation")
    weights = pixels(page, "#network")

    page.get_by_label("show what flows back").check()

    assert pixels(page, "#network") != weights


def test_walkers_start_where_the_map_is_clicked(page: Page) -> None:
    open_lesson(page, "adam")
    box = page.locator("#surface").bounding_box()
    assert box is not None

    with page.expect_request("**/api/lessons/adam?*"):
        page.locator("#surface").click(position={"x": box["width"] * 0.75, "y": box["height"] * 0.25})

    assert float(page.get_by_label("Start x").input_value()) == pytest.approx(1.0, abs=0.05)
    assert float(page.get_by_label("y", exact=True).input_value()) == pytest.approx(1.0, abs=0.05)
    expect(page.locator("#height-adam")).to_contain_text("height")


def test_a_row_of_the_table_is_read(page: Page) -> None:
    """By pointer, and by choosing its tiles."""
    open_lesson(page, "td")
    tiles = page.locator(".line-of-tiles select")

    page.get_by_label("First tile").select_option("2048")
    page.get_by_label("Second tile").select_option("2048")

    expect(page.locator("#line-value")).to_have_text("no weight yet")
    box = page.locator("#table").bounding_box()
    assert box is not None
    page.locator("#table").hover(position={"x": 31, "y": 31})
    assert tiles.evaluate_all("all => all.map((select) => select.value)") == ["0", "0", "0", "0"]
    page.locator("#table").hover(position={"x": box["width"] - 2, "y": box["height"] - 2})
    assert tiles.evaluate_all("all => all.map((select) => select.value)") == ["11", "11", "11", "11"]


@pytest.mark.slow
def test_points_go_back_to_noise(page: Page) -> None:
    open_lesson(page, "diffusion")
    data = pixels(page, "#points")

    page.get_by_label("Step from noise to data").focus()
    page.keyboard.press("Home")

    assert pixels(page, "#points") != data


def test_a_failure_is_told_and_another_try_is_welcome(page: Page, complaints: Complaints) -> None:
    open_lesson(page, "weights")

    def refuse(route: Route) -> None:
        body = '{"title": "Service Unavailable", "detail": "The server is busy."}'
        route.fulfill(status=503, content_type="application/problem+json", body=body)

    page.route("**/api/lessons/weights?*", refuse, times=1)
    page.get_by_role("button", name="Another seed").click()

    expect(page.locator("#error-title")).to_have_text("Service Unavailable")
    assert_accessible(page)
    complaints.expect("503")
    page.get_by_role("button", name="Another seed").click()
    expect(page.locator("#error")).to_be_hidden()
    expect(reading(page)).to_contain_text("step 300")


def test_a_lesson_that_breaks_off_is_not_called_learned(page: Page) -> None:
    """As when the server is stopped: the stream ends, but not with its last event."""

    def shorten(route: Route) -> None:
        body, _, _ = route.fetch().text().partition("event: end")
        route.fulfill(content_type="text/event-stream", body=body)

    page.route("**/api/lessons/weights?*", shorten)
    open_lesson(page, "weights")

    expect(page.locator("#error-title")).to_have_text("The lesson broke off.")
    expect(page.locator("#told")).to_have_text("")


def test_a_citation_leads_to_its_line(page: Page) -> None:
    open_lesson(page, "adam")

    page.get_by_role("link", name="nets/backends/reference/optimization.py").click()

    wait_until_ready(page)
    target = page.locator("li:target")
    expect(target).to_contain_text("def adam_step(")
    expect(target).to_be_in_viewport()
    assert_accessible(page)


class TestMoving:
    """Where motion is welcome."""

    @pytest.fixture
    def context_options(self) -> dict[str, object]:
        return {}

    @pytest.mark.slow
    def test_a_lesson_plays_by_itself(self, page: Page) -> None:
        page.goto("/learn/adam")

        expect(page.get_by_role("button", name="Pause")).to_be_visible()
        expect(reading(page)).to_have_text("step 240", timeout=20_000)
        expect(page.get_by_role("button", name="Play")).to_be_visible()

    def test_points_travel_from_noise_to_data(self, page: Page) -> None:
        page.goto("/learn/diffusion")
        slider = page.get_by_label("Step from noise to data")
        expect(page.get_by_role("button", name="Pause")).to_be_visible()

        seen = set()
        for _ in range(30):
            seen.add(slider.input_value())
            page.wait_for_timeout(50)

        assert len(seen) > 3
