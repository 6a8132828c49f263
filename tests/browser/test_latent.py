"""A person walks through the latent spaces of an autoencoder and a VAE."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, Route, expect

from server import GameStore, ServerConfig
from server.bundle import MEDIA_TYPE, pack, unpack
from tests.browser.conftest import Complaints, assert_accessible, running, wait_until_ready
from tests.browser.test_draw import PIXELS, SIZES
from tests.server.trained import coder, save_run

pytestmark = pytest.mark.browser


# What a canvas shows, as a number that is another one when it shows something else.
FINGERPRINT = f"canvas => ({PIXELS})(canvas).reduce((hash, value) => (31 * hash + value) % 1000000007, 7)"
LAST_ALPHA = f"canvas => ({PIXELS})(canvas).at(-1)"


def save_coders(folder: Path) -> Path:
    """Write an autoencoder and a VAE that have learned nothing, and yet draw something else for every code."""
    save_run(folder / "ae", coder("autoencoder", latent=6), data="mnist")
    save_run(folder / "vae", coder("vae", architecture="conv", widths=[4, 16]), data="mnist")
    return folder


@pytest.fixture(scope="module")
def site(store: GameStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with small models, and no data set at hand."""
    folder = tmp_path_factory.mktemp("coders")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GAME2048_DATA", str(folder / "nothing"))
        with running(ServerConfig(runs=save_coders(folder / "runs"), rate_limits=False), store) as address:
            yield address


@pytest.fixture
def explorer(page: Page) -> Page:
    page.goto("/demos/latent")
    wait_until_ready(page)
    return page


def prints(canvases: Locator) -> list[int]:
    """What each canvas shows."""
    return [canvas.evaluate(FINGERPRINT) for canvas in canvases.all()]


def test_it_begins_with_the_classic_way_from_2_to_7(explorer: Page) -> None:
    expect(explorer.get_by_role("heading", level=2)).to_have_text(
        ["From one digit to another", "Autoencoder", "Variational autoencoder"]
    )
    assert explorer.locator("#from").input_value() == "2"
    assert explorer.locator("#to").input_value() == "7"
    expect(explorer.locator(".about")).to_have_text(
        ["784 pixels through 6 numbers (ae).", "784 pixels through 4 numbers (vae)."]
    )
    assert explorer.locator(".film").evaluate_all("films => films.map(film => film.width)") == [11 * 29 - 1] * 2


def test_the_slider_goes_the_way_in_both_models(explorer: Page) -> None:
    pictures, maps = explorer.locator(".picture"), explorer.locator(".map canvas")
    start = prints(pictures) + prints(maps)

    explorer.locator("#t").fill("50")

    expect(explorer.locator("#t-text")).to_have_text("50 %")
    half = prints(pictures) + prints(maps)
    assert all(before != after for before, after in zip(start, half, strict=True))
    explorer.locator("#t").press("Home")
    assert prints(pictures) + prints(maps) == start


def test_play_goes_to_the_end_and_pauses(explorer: Page) -> None:
    explorer.get_by_role("button", name="Play").click()
    explorer.get_by_role("button", name="Pause").click()
    assert explorer.locator("#t").input_value() != "100"
    explorer.locator("#t").fill("95")

    explorer.get_by_role("button", name="Play").click()

    expect(explorer.locator("#t-text")).to_have_text("100 %")
    expect(explorer.get_by_role("button", name="Play")).to_be_visible()


@pytest.mark.slow
def test_other_digits_make_another_way(explorer: Page) -> None:
    films = explorer.locator(".film")
    classic, start = prints(films), prints(explorer.locator("#from-picture"))

    explorer.locator("#from").select_option("0")
    zero = prints(films)
    explorer.get_by_role("button", name="Another first image").click()

    assert prints(explorer.locator("#from-picture")) != start
    assert all(len({*ways}) == 3 for ways in zip(classic, zero, prints(films), strict=True))


def test_a_point_of_the_map_is_drawn(explorer: Page) -> None:
    box = explorer.locator(".map canvas").first.bounding_box()
    assert box is not None
    first, second = prints(explorer.locator(".picture"))

    explorer.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.2 * box["height"])
    explorer.mouse.down()
    explorer.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.1 * box["height"], steps=3)
    explorer.mouse.up()

    moved, same = prints(explorer.locator(".picture"))
    assert moved != first
    assert same == second, "each model has its own map"
    assert float(explorer.locator(".x").first.input_value()) == pytest.approx(0.8, abs=0.02)
    assert float(explorer.locator(".y").first.input_value()) == pytest.approx(0.9, abs=0.02)


def test_the_map_can_be_walked_by_keyboard(explorer: Page) -> None:
    place = explorer.get_by_label("Across").first
    before = float(place.input_value())
    (shown, _) = prints(explorer.locator(".picture"))

    for _ in range(5):
        place.press("ArrowRight")

    assert float(place.input_value()) == pytest.approx(before + 0.05, abs=0.001)
    assert prints(explorer.locator(".picture"))[0] != shown


@pytest.mark.slow
def test_what_is_drawn_everywhere_can_be_seen_and_taken_away(explorer: Page) -> None:
    maps = explorer.locator(".map canvas")
    points = prints(maps)
    deadline = time.monotonic() + 20

    explorer.get_by_label("Show what is drawn everywhere").check()
    for canvas in maps.all():  # pictures come from the top to the bottom
        while canvas.evaluate(LAST_ALPHA) != 255:
            assert time.monotonic() < deadline, "the last picture should have come"
    explorer.get_by_label("Show what is drawn everywhere").uncheck()

    assert prints(maps) == points


@pytest.mark.parametrize("context_options", SIZES)
def test_the_page_is_accessible_and_fits(explorer: Page) -> None:
    assert_accessible(explorer)
    assert explorer.evaluate("document.documentElement.scrollWidth <= innerWidth")
    explorer.get_by_label("Show what is drawn everywhere").check()
    assert_accessible(explorer)


def test_one_model_works_while_the_other_fails(page: Page, complaints: Complaints) -> None:
    """The one that fails is told of; the other is late, and can be walked in."""
    problem = {"title": "Service Unavailable", "detail": "Try again soon.", "status": 503}
    page.route("**/autoencoder/weights?*", lambda route: route.fulfill(status=503, json=problem))

    page.goto("/demos/latent")
    wait_until_ready(page)

    expect(page.locator("#error-title")).to_have_text("Service Unavailable")
    complaints.expect("503")
    expect(page.locator(".works:visible")).to_have_count(1)
    picture = page.locator(".works:visible .picture")
    before = prints(picture)
    page.locator(".works:visible .x").fill("0.9")
    assert prints(picture) != before


@pytest.mark.slow
class TestModelsOfOtherData:
    """An autoencoder of generated digits beside a VAE of handwritten ones."""

    @pytest.fixture
    def site(self, store: GameStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
        monkeypatch.setenv("GAME2048_DATA", str(tmp_path / "nothing"))
        save_coders(tmp_path / "runs")
        with running(ServerConfig(runs=tmp_path / "runs", rate_limits=False), store) as address:
            yield address

    def test_each_goes_between_its_own_images(self, page: Page) -> None:
        """The VAE has fewer images of each digit, so that the same index would be of another digit."""

        def halved(route: Route) -> None:
            header, arrays = unpack(route.fetch().body())
            kept = [i for label in range(10) for i in np.flatnonzero(arrays["labels"] == label)[:20]]
            arrays |= {name: arrays[name][kept] for name in ("images", "labels", "codes")}
            route.fulfill(body=pack({**header, "source": "test images of MNIST"}, arrays), content_type=MEDIA_TYPE)

        page.goto("/demos/latent")
        wait_until_ready(page)
        whole = prints(page.locator(".film"))
        page.route("**/vae/samples?*", halved)
        page.reload()
        wait_until_ready(page)

        assert prints(page.locator(".film")) == whole
        expect(page.locator("#source")).to_contain_text("those of the VAE test images of MNIST")


@pytest.mark.slow
class TestOneModel:
    """A server that has trained an autoencoder only."""

    @pytest.fixture
    def site(self, store: GameStore, tmp_path: Path) -> Iterator[str]:
        save_run(tmp_path / "ae", coder("autoencoder", latent=6), data="mnist")
        with running(ServerConfig(runs=tmp_path, rate_limits=False), store) as address:
            yield address

    def test_it_works_beside_the_command_for_the_other(self, explorer: Page) -> None:
        expect(explorer.locator(".missing:visible code")).to_have_text(["game2048 generative train vae"])
        expect(explorer.locator(".works:visible")).to_have_count(1)
        before = prints(explorer.locator(".works:visible .picture"))
        explorer.locator("#t").fill("100")
        assert prints(explorer.locator(".works:visible .picture")) != before
