"""A live server and a real Chromium: ``$CHROMIUM``, or the one of the Linux distribution."""

import logging
import os
import re
import shutil
import threading
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import axe_playwright_python
import numpy as np
import pytest
from werkzeug.serving import make_server

from game2048 import GameRecord
from server import GameStore, ServerConfig, create_app
from tests.game2048.games import NEARLY_65536, greedy, record_game, thoughts, with_probabilities
from tests.needs import missing

PATIENCE = 30_000  # ms: on a busy machine everything takes its time, and what is right comes at last
SCREENSHOTS = Path(__file__).parents[2] / "artefacts" / "screenshots"
AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"
TAKEN: Counter[str] = Counter()
FAILED = pytest.StashKey[bool]()
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
try:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright
except ImportError:
    missing("playwright is not installed", whole_module=True)


@pytest.fixture(scope="session")
def game() -> GameRecord:
    """A whole game of a few hundred plies."""
    return record_game(seed=7, policy=greedy)


@pytest.fixture(scope="session")
def large_game() -> GameRecord:
    """A game that makes 65536 and goes on."""
    return record_game(seed=5, policy=greedy, board=NEARLY_65536)


@pytest.fixture(scope="session")
def thoughtful_game() -> GameRecord:
    """A game whose player was certain at every other ply, and else found all legal moves equally good."""
    game = record_game(seed=8, policy=greedy)
    probabilities = thoughts(game)
    probabilities[::2] = 255 * np.eye(4, dtype=np.uint8)[game.actions[::2]]
    return with_probabilities(game, probabilities)


@pytest.fixture(scope="session")
def store(
    tmp_path_factory: pytest.TempPathFactory, game: GameRecord, large_game: GameRecord, thoughtful_game: GameRecord
) -> Iterator[GameStore]:
    folder = tmp_path_factory.mktemp("browser")
    with GameStore(f"sqlite:///{folder}/games.sqlite") as store:
        store.add_many([game, large_game, thoughtful_game])
        yield store


@contextmanager
def running(config: ServerConfig, store: GameStore) -> Iterator[str]:
    """Run a server, and give its address."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = make_server("127.0.0.1", 0, create_app(config, store=store), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="session")
def site(store: GameStore) -> Iterator[str]:
    """The address of a server that is up."""
    with running(ServerConfig(), store) as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        missing(f"no Chromium at {CHROMIUM}: install it, or set CHROMIUM to its path")
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        # Other hosts are cut off in the browser: routing them away would switch its cache off as well.
        no_other_hosts = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
        options = ["--no-sandbox", "--disable-gpu", "--disable-quic", no_other_hosts]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


class Complaints(list[str]):
    """What the console and the page's scripts complained about; a test takes away what it expects."""

    def expect(self, text: str) -> None:
        """Take away the one complaint that holds a text."""
        (complaint,) = [line for line in self if text in line]
        self.remove(complaint)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note on a test that it has failed, for `context` to keep a picture of its pages."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


@pytest.fixture
def complaints() -> Complaints:
    return Complaints()


@pytest.fixture
def context_options() -> dict[str, object]:
    """Overridden by tests that look at the page in another way."""
    return {}


@pytest.fixture
def context(
    browser: Browser,
    site: str,
    complaints: Complaints,
    context_options: dict[str, object],
    request: pytest.FixtureRequest,
) -> Iterator[BrowserContext]:
    """A fresh visitor who reaches nothing but the server; nothing may be left of the complaints in the end."""

    def watch(asked: Request) -> None:
        if not asked.url.startswith((site + "/", "data:", "blob:")):
            complaints.append(f"foreign request: {asked.url}")

    def listen(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(f"{message.type}: {message.text} ({message.location['url']})")

    context = browser.new_context(base_url=site, **context_options)
    context.set_default_timeout(PATIENCE)
    context.on("request", watch)
    context.on("console", listen)
    context.on("weberror", lambda error: complaints.append(f"exception: {error.error}"))
    yield context
    if request.node.stash.get(FAILED, False):
        for page in context.pages:
            keep_screenshot(page)
    context.close()
    assert complaints == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def wait_until_ready(page: Page) -> None:
    """Wait until the page's script says that the page is complete."""
    page.locator("html[data-ready='1']").wait_for(state="attached")


AT_REST = """() => Promise.race([
    Promise.allSettled(document.getAnimations().map((animation) => animation.finished)),
    new Promise((resolve) => setTimeout(resolve, 3000)),
])"""


def keep_screenshot(page: Page) -> None:
    """Keep a picture of the page as it is now, named by the test at hand and numbered."""
    test = os.environ["PYTEST_CURRENT_TEST"].rpartition(" ")[0].rpartition("/")[2]
    name = re.sub("[^A-Za-z0-9]+", "-", test).strip("-")
    TAKEN[name] += 1
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}-{TAKEN[name]}.png", full_page=True)


def assert_accessible(page: Page) -> None:
    """The page as it is now breaks no rule of axe-core (https://github.com/dequelabs/axe-core); a picture is kept.

    What is fading comes to rest first: a colour on its way is none that anybody reads by.
    """
    page.evaluate(AT_REST)
    keep_screenshot(page)
    found = page.evaluate(AXE.read_text(encoding="utf-8") + "; axe.run(document)")
    broken = [
        f"{rule['id']}: {rule['help']}: {', '.join(str(node['target']) for node in rule['nodes'])}"
        for rule in found["violations"]
    ]
    assert broken == []
