"""A person watches training: curves on the page are those of metrics.jsonl, and go on as it does."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from server import GameStore, ServerConfig
from tests.browser.conftest import Complaints, assert_accessible, running

pytestmark = pytest.mark.browser

# How many points of a chart have a colour: those of the lines, and those that are tinted with it.
COUNT = """(chart, colour) => {
    const canvas = chart.querySelector('canvas');
    const copy = Object.assign(document.createElement('canvas'), { width: canvas.width, height: canvas.height });
    const context = copy.getContext('2d', { willReadFrequently: true });
    context.drawImage(canvas, 0, 0);
    const { data } = context.getImageData(0, 0, copy.width, copy.height);
    let count = 0;
    for (let i = 0; i < data.length; i += 4) {
        const alpha = data[i + 3];
        if (ALPHA && colour.every((value, k) => Math.abs(data[i + k] - value) < 8)) count += 1;
    }
    return count;
}"""
INKED = COUNT.replace("ALPHA", "alpha > 200")
TINTED = COUNT.replace("ALPHA", "alpha > 20 && alpha < 90")
LIGHT_BLUE, DARK_BLUE, ORANGE = [31, 111, 178], [108, 178, 245], [184, 80, 10]  # .run-1 and .run-2 in training.css


def policy_row(block: int, score: float) -> dict[str, Any]:
    """A line as agents.policy.run writes it."""
    return {
        "steps": 100_000 * block, "updates": block, "seconds": 10.0 * block, "cpu_seconds": 9.0 * block,
        "steps_per_second": 10_000, "games": 50, "mean_score": score, "max_score": 4 * int(score),
        "tile_rates": {"512": 0.5, "1024": 0.05 * block, "2048": 0.0}, "entropy": 1.0 / block, "kl": 0.01,
        "value_error": 0.5,
    }  # fmt: skip


def n_tuple_row(block: int) -> dict[str, Any]:
    """A line as agents.training writes it."""
    return {
        "games": 100 * block, "moves": 40_000 * block, "seconds": 1.0 * block, "moves_per_second": 40_000,
        "mean_score": 3000.0 * block, "max_score": 9000, "tile_rates": {"1024": 0.5, "2048": 0.25}, "td_error": 99.0,
    }  # fmt: skip


def write_run(folder: Path, settings: dict[str, Any], rows: list[dict[str, Any]], *, age: float = 0.0) -> None:
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text(json.dumps(settings))
    append(folder, *rows)
    for path in folder.iterdir():
        os.utime(path, (time.time() - age,) * 2)


def append(folder: Path, *rows: dict[str, Any]) -> None:
    with (folder / "metrics.jsonl").open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of runs, none in it yet."""
    return tmp_path / "runs"


@pytest.fixture
def runs(folder: Path) -> Path:
    """Two runs: a policy that is learning, and an n-tuple agent that has learned."""
    write_run(folder / "policy", {"algorithm": "ppo", "seed": 1}, [policy_row(i, 1000.0 * i) for i in (1, 2, 3)])
    write_run(folder / "teacher", {"algorithm": "td", "seed": 2}, [n_tuple_row(i) for i in range(1, 9)], age=7200)
    return folder


@pytest.fixture
def site(store: GameStore, folder: Path) -> Iterator[str]:
    """A server of its own for each test, which shows the test's runs."""
    with running(ServerConfig(runs=folder), store) as address:
        yield address


def open_page(page: Page, address: str = "") -> None:
    page.goto(f"/training{address}")
    page.locator("html[data-ready='1']").wait_for(state="attached")


def chart(page: Page, key: str) -> Any:
    return page.locator(f"figure[data-key='{key}']")


def choose(page: Page, name: str) -> None:
    page.get_by_role("checkbox", name=name, exact=True).click()


# --- the list ---


@pytest.mark.slow
def test_the_first_page_leads_here_and_the_brand_leads_back(page: Page, runs: Path) -> None:
    page.goto("/")

    page.get_by_role("link", name="Training").click()

    expect(page).to_have_title("Training · 2048 replays")
    page.get_by_role("link", name="2048 replays").click()
    expect(page).to_have_title("2048 replays")


def test_a_page_without_runs_says_how_to_make_some(page: Page, folder: Path) -> None:
    open_page(page)

    expect(page.locator("#empty")).to_contain_text("game2048 train")
    expect(page.locator("#list")).to_be_hidden()
    expect(page.locator("#curves")).to_be_hidden()


def test_the_list_tells_of_every_run(page: Page, runs: Path) -> None:
    open_page(page)

    rows = page.locator("#runs tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("policy")
    expect(rows.nth(0)).to_contain_text("ppo")
    expect(rows.nth(0)).to_contain_text("300,000 steps")
    expect(rows.nth(0)).to_contain_text("score 3,000")
    expect(rows.nth(0)).to_contain_text("running")
    expect(rows.nth(1)).to_contain_text("800 games")
    expect(rows.nth(1)).to_contain_text("2 h ago")


# --- curves ---


def test_a_run_has_the_charts_of_what_it_measured(page: Page, runs: Path) -> None:
    open_page(page)

    keys = page.locator("figure").evaluate_all("charts => charts.map((chart) => chart.dataset.key)")

    assert keys == [
        "mean_score", "max_score", "tile_rates.512", "tile_rates.1024", "entropy", "kl", "value_error", "speed",
    ]  # fmt: skip
    expect(chart(page, "mean_score").locator(".readout")).to_have_text("policy3,000")
    expect(chart(page, "tile_rates.1024").locator(".value")).to_have_text("15 %")
    for key in keys:
        assert chart(page, key).evaluate(INKED, LIGHT_BLUE) > 50, key
        assert chart(page, key).evaluate(INKED, ORANGE) == 0, key


def test_curves_go_on_while_training_does(page: Page, runs: Path) -> None:
    open_page(page)
    before = chart(page, "mean_score").evaluate(INKED, LIGHT_BLUE)

    append(runs / "policy", policy_row(4, 12_345.0))

    expect(chart(page, "mean_score").locator(".value")).to_have_text("12,345")
    expect(page.locator("#runs tbody tr").first).to_contain_text("400,000 steps")
    expect(chart(page, "mean_score").locator("canvas")).to_have_attribute(
        "aria-label", "Mean score: policy from 1,000 to 12,345 at 400,000 steps"
    )
    assert chart(page, "mean_score").evaluate(INKED, LIGHT_BLUE) != before


@pytest.mark.slow
def test_only_new_lines_are_asked_for(page: Page, runs: Path) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    open_page(page)

    with page.expect_response(lambda response: "/api/runs/policy?after=" in response.url) as info:
        append(runs / "policy", policy_row(4, 4000.0))

    assert info.value.json()["whole"] is False
    assert sum(url.endswith("/api/runs/policy") for url in asked) == 1
    assert not any("/api/runs/teacher" in url for url in asked)  # nobody looks at it


def test_a_run_that_begins_while_the_page_is_open_appears(page: Page, runs: Path) -> None:
    open_page(page)

    write_run(runs / "another", {"algorithm": "vtrace"}, [])

    expect(page.locator("#runs tbody tr")).to_have_count(3)
    expect(page.get_by_role("checkbox", name="another")).not_to_be_checked()


@pytest.mark.slow
def test_a_chosen_run_that_is_removed_disappears(page: Page, runs: Path) -> None:
    open_page(page)
    for path in (runs / "policy").iterdir():
        path.unlink()

    expect(page.locator("#runs tbody tr")).to_have_count(1, timeout=15_000)
    expect(page.locator("figure")).to_have_count(0)
    expect(page.locator("#nothing-chosen")).to_be_visible()


@pytest.mark.slow
def test_nothing_is_asked_while_nobody_looks(page: Page, runs: Path) -> None:
    open_page(page)
    hide = "Object.defineProperty(document, 'hidden', {value: %s, configurable: true});"
    tell = "document.dispatchEvent(new Event('visibilitychange'))"
    asked: list[str] = []
    page.evaluate(hide % "true" + tell)
    page.wait_for_timeout(200)  # an answer may be on its way
    page.on("request", lambda request: asked.append(request.url))

    page.wait_for_timeout(3000)

    assert asked == []
    with page.expect_response("**/api/runs"):
        page.evaluate(hide % "false" + tell)


def test_runs_are_compared(page: Page, runs: Path) -> None:
    open_page(page)

    choose(page, "teacher")

    expect(chart(page, "mean_score").locator(".readout")).to_have_text("policy3,000teacher24,000")
    assert chart(page, "mean_score").evaluate(INKED, LIGHT_BLUE) > 50
    assert chart(page, "mean_score").evaluate(INKED, ORANGE) > 50
    expect(chart(page, "td_error").locator(".readout")).to_have_text("teacher99")
    expect(chart(page, "entropy").locator(".readout")).to_have_text("policy0.333")
    expect(chart(page, "speed").locator(".readout")).to_have_text("policy10,000teacher40,000")
    choose(page, "policy")
    expect(chart(page, "mean_score").locator(".readout")).to_have_text("teacher24,000")
    assert chart(page, "mean_score").evaluate(INKED, ORANGE) > 50  # it keeps its colour


def test_the_address_keeps_what_is_looked_at(page: Page, runs: Path) -> None:
    open_page(page)
    choose(page, "policy")
    choose(page, "teacher")
    page.locator("#axis").select_option("time")
    page.get_by_label("Smooth").uncheck()

    page.reload()

    expect(page.get_by_role("checkbox", name="teacher")).to_be_checked()
    expect(page.get_by_role("checkbox", name="policy")).not_to_be_checked()
    expect(page.locator("#axis")).to_have_value("time")
    expect(page.get_by_label("Smooth")).not_to_be_checked()
    expect(chart(page, "mean_score").locator("canvas")).to_have_attribute(
        "aria-label", "Mean score: teacher from 3,000 to 24,000 at 8 s"
    )


# --- reading ---


def test_all_charts_are_read_where_the_pointer_is(page: Page, runs: Path) -> None:
    open_page(page, "#run=policy&smooth=no")
    chart(page, "entropy").scroll_into_view_if_needed()
    box = chart(page, "entropy").locator("canvas").bounding_box()
    assert box is not None

    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + box["height"] / 2)

    expect(chart(page, "mean_score").locator(".value")).to_have_text("2,000")
    expect(chart(page, "entropy").locator(".value")).to_have_text("0.5")
    assert page.locator(".guide:not([hidden])").count() == page.locator("figure").count()
    page.mouse.move(0, 0)
    expect(chart(page, "mean_score").locator(".value")).to_have_text("3,000")
    expect(page.locator(".guide").first).to_be_hidden()


def test_charts_are_read_by_keyboard(page: Page, runs: Path) -> None:
    open_page(page)
    slider = page.get_by_label("Read at")

    slider.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")

    expect(chart(page, "mean_score").locator(".value")).to_have_text("1,000")
    expect(page.locator("#position-text")).to_have_text("1,500 steps")
    expect(slider).to_have_attribute("aria-valuetext", "1,500 steps, Mean score: policy 1,000")
    page.keyboard.press("End")
    expect(page.locator("#position-text")).to_have_text("the latest")
    expect(chart(page, "mean_score").locator(".value")).to_have_text("3,000")


@pytest.mark.slow
def test_the_position_stays_while_new_lines_come(page: Page, runs: Path) -> None:
    open_page(page)
    page.get_by_label("Read at").focus()
    page.keyboard.press("Home")

    append(runs / "policy", policy_row(4, 4000.0))

    expect(page.locator("#runs tbody tr").first).to_contain_text("400,000 steps")
    expect(page.locator("#position-text")).to_have_text("0 steps")
    expect(page.get_by_label("Read at")).to_be_focused()


def test_everything_is_reached_by_tab(page: Page, runs: Path) -> None:
    open_page(page)
    seen = []
    for _ in range(18):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))

    assert {"axis", "log", "smooth", "position", "theme", "Settings", "Curves as tables"} <= set(seen)


@pytest.mark.slow
def test_a_logarithmic_axis_gives_short_runs_room(page: Page, runs: Path) -> None:
    open_page(page, "#run=policy")
    linear = chart(page, "entropy").evaluate(INKED, LIGHT_BLUE)

    page.get_by_label("Logarithmic").check()

    assert chart(page, "entropy").evaluate(INKED, LIGHT_BLUE) != linear
    page.get_by_label("Read at").focus()
    page.keyboard.press("Home")
    expect(page.locator("#position-text")).to_have_text("100,000 steps")  # no logarithm leads to zero


def test_tables_tell_what_the_charts_show(page: Page, runs: Path) -> None:
    open_page(page, "#run=policy&run=teacher")

    page.get_by_text("Curves as tables").click()

    table = page.get_by_role("table", name="policy")
    heads = table.locator("thead th").all_text_contents()
    assert heads[:4] == ["Steps", "Games", "Time", "Mean score"]
    assert table.locator("tbody tr").nth(2).locator("th, td").all_text_contents()[:4] == [
        "300,000", "150", "30 s", "3,000",
    ]  # fmt: skip
    append(runs / "policy", policy_row(4, 4000.0))
    expect(table.locator("tbody tr")).to_have_count(4)
    expect(page.get_by_role("table", name="teacher").locator("tbody tr")).to_have_count(8)


@pytest.mark.slow
def test_settings_stand_side_by_side(page: Page, runs: Path) -> None:
    open_page(page, "#run=policy&run=teacher")

    page.get_by_text("Settings", exact=True).click()

    rows = page.locator("#settings tbody tr")
    assert [row.split("\t") for row in rows.all_inner_texts()] == [["algorithm", "ppo", "td"], ["seed", "1", "2"]]
    expect(page.locator("#settings tr.differs")).to_have_count(2)


# --- intervals ---


def test_rates_are_told_with_wilsons_intervals(page: Page, runs: Path) -> None:
    """50 games a line, 15 % of which reach 1024: 7.6 to 27.4 % by the formula."""
    open_page(page, "#run=policy")

    expect(chart(page, "tile_rates.1024").locator(".interval")).to_have_text("(7.6 to 27.4 %)")
    expect(page.locator("#about-bands")).to_contain_text("Wilson")
    expect(chart(page, "entropy").locator(".interval")).to_have_text("")


def test_the_mean_score_has_a_band_once_there_are_lines_enough(page: Page, folder: Path) -> None:
    write_run(folder / "policy", {}, [policy_row(i, 1000.0 + 100 * (i % 2)) for i in range(1, 10)])
    open_page(page, "#smooth=no")
    interval = chart(page, "mean_score").locator(".interval")
    expect(interval).to_have_text("")
    plain = chart(page, "mean_score").evaluate(TINTED, LIGHT_BLUE)

    append(folder / "policy", *[policy_row(i, 1000.0 + 100 * (i % 2)) for i in range(10, 31)])

    expect(interval).to_contain_text(" to ")
    assert chart(page, "mean_score").evaluate(TINTED, LIGHT_BLUE) > 10 * plain
    slider = page.get_by_label("Read at")
    expect(slider).to_have_attribute("aria-valuetext", "the latest, Mean score: policy 1,000 " + interval.inner_text())


# --- looks ---


@pytest.mark.parametrize("width", [390, pytest.param(1280, marks=pytest.mark.slow)])
def test_no_rule_of_accessibility_is_broken(page: Page, runs: Path, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    open_page(page, "#run=policy&run=teacher")
    assert_accessible(page)

    page.get_by_text("Curves as tables").click()
    page.get_by_text("Settings", exact=True).click()
    page.emulate_media(color_scheme="dark")

    assert_accessible(page)


@pytest.mark.slow
def test_a_page_without_runs_is_accessible(page: Page, folder: Path) -> None:
    open_page(page)

    assert_accessible(page)


def test_dark_mode_follows_the_system_at_once(page: Page, runs: Path) -> None:
    open_page(page)
    assert chart(page, "mean_score").evaluate(INKED, DARK_BLUE) == 0

    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(100)

    assert chart(page, "mean_score").evaluate(INKED, DARK_BLUE) > 50
    assert chart(page, "mean_score").evaluate(INKED, LIGHT_BLUE) == 0


@pytest.mark.parametrize(
    "width", [320, *(pytest.param(width, marks=pytest.mark.slow) for width in (360, 390, 768, 1280))]
)
def test_nothing_is_wider_than_the_screen(page: Page, runs: Path, width: int) -> None:
    write_run(runs / ("a-very-long-name-" * 4), {"algorithm": "vtrace"}, [policy_row(1, 100_000.0)])
    page.set_viewport_size({"width": width, "height": 800})
    open_page(page, "#run=policy&run=teacher&run=" + "a-very-long-name-" * 4)
    page.get_by_text("Curves as tables").click()
    page.get_by_text("Settings", exact=True).click()

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for canvas in page.locator("canvas").all():
        box = canvas.bounding_box()
        assert box is not None
        assert box["width"] > min(width, 700) / 3
        assert box["x"] + box["width"] <= width


@pytest.mark.slow
def test_charts_are_drawn_anew_in_another_size(page: Page, runs: Path) -> None:
    open_page(page)
    page.set_viewport_size({"width": 500, "height": 800})
    page.wait_for_timeout(100)

    sizes = page.locator("canvas").evaluate_all("all => all.map((c) => [c.width, c.clientWidth * devicePixelRatio])")

    assert all(width == pytest.approx(wanted, abs=1) for width, wanted in sizes)


# --- what goes wrong ---


@pytest.mark.slow
def test_damaged_files_show_what_can_be_read(page: Page, folder: Path) -> None:
    write_run(folder / "damaged", {}, [policy_row(1, 1000.0)])
    with (folder / "damaged" / "metrics.jsonl").open("a") as file:
        file.write(
            'nonsense\n[]\n{"steps": 200000, "mean_score": NaN}\n' + json.dumps(policy_row(3, 1234.0)) + '\n{"st'
        )
    (folder / "damaged" / "settings.json").write_text("{")

    open_page(page)

    expect(chart(page, "mean_score").locator(".value")).to_have_text("1,234")


@pytest.mark.slow
def test_a_failing_server_is_told_of_and_asked_again(page: Page, runs: Path, complaints: Complaints) -> None:
    open_page(page)

    def fail(route: Route) -> None:
        route.fulfill(status=500, content_type="application/problem+json", body='{"title": "Internal Server Error"}')

    page.route("**/api/runs", fail, times=1)

    expect(page.locator("#error-title")).to_have_text("Internal Server Error")
    complaints.expect("500")
    expect(page.locator("#error")).to_be_hidden(timeout=15_000)
    expect(page.locator("figure").first).to_be_visible()


def test_names_are_text(context: BrowserContext, page: Page, folder: Path) -> None:
    name = "<b>x&'\" #?%20"
    write_run(folder / name, {"algorithm": "<i>"}, [policy_row(1, 1000.0)])

    open_page(page)

    expect(page.locator("#runs .name")).to_have_text(name)
    expect(chart(page, "mean_score").locator(".name")).to_have_text(name)
    expect(page.locator("#runs .algorithm")).to_have_text("<i>")
