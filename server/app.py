"""create_app: the web server as a WSGI application."""

import atexit

from flask import Flask

from server import access, openapi, problems, security, source_pages
from server.analysis_api import AnalysisApi
from server.api import Api
from server.config import ServerConfig
from server.exports import Exports
from server.lessons_api import LessonsApi
from server.limits import RateLimits
from server.live import Live
from server.metrics import Metrics
from server.models import Models
from server.models_api import ModelsApi
from server.networks_api import NetworksApi
from server.pages import Pages
from server.players import Players
from server.runs import Runs
from server.runs_api import RunsApi
from server.sentences_api import SentencesApi
from server.store import GameStore
from server.streams import Streams
from server.workers import WorkerPool


def create_app(config: ServerConfig | None = None, *, store: GameStore | None = None) -> Flask:
    """Make the application.

    Parameters
    ----------
    config : ServerConfig, optional
        The settings; defaults suit one person on one machine.
    store : GameStore, optional
        The games, if they are open already; who opened a store closes it. Without one, ``config.database`` is opened
        for as long as the process lives.

    Raises
    ------
    StoreError
        If the database cannot be opened.
    AssetsError
        If the files of the pages are not installed.

    Examples
    --------
    >>> import tempfile
    >>> from server import GameStore, create_app
    >>> with tempfile.TemporaryDirectory() as folder, GameStore(f"sqlite:///{folder}/games.sqlite") as store:
    ...     create_app(store=store).test_client().get("/api/games").json
    {'games': [], 'next': None, 'writes': 'open'}
    """
    config = config or ServerConfig()
    if store is None:
        store = GameStore(config.database)
        atexit.register(store.close)
    app = Flask("server", static_folder=None)
    app.url_map.merge_slashes = False  # //: not found, rather than sent elsewhere
    app.config["MAX_CONTENT_LENGTH"] = config.max_upload_bytes
    app.config["THREADS_HELD"] = config.threads_held
    app.config["PROXIES"] = config.proxies
    runs = Runs(config.runs)
    players, models = Players(runs), Models(runs)
    workers = WorkerPool(config.workers, max_waiting=config.max_waiting)
    atexit.register(workers.close)
    streams = Streams(config.max_streams, per_client=config.max_streams_per_client)
    metrics = Metrics(store, streams, workers)
    app.extensions |= {
        "game_store": store,
        "workers": workers,
        "streams": streams,
        "players": players,
        "models": models,
        "rate_limits": RateLimits(enabled=config.rate_limits),
    }
    access.register(app, metrics, proxies=config.proxies)
    security.register(app, config)
    problems.register(app)
    app.register_blueprint(Api(store, config).blueprint())
    app.register_blueprint(Exports(store, workers).blueprint())
    app.register_blueprint(AnalysisApi(store, players, workers, streams, keeps=not config.read_only).blueprint())
    app.register_blueprint(NetworksApi(players).blueprint())
    app.register_blueprint(Live(players, workers, streams).blueprint())
    app.register_blueprint(RunsApi(runs).blueprint())
    app.register_blueprint(ModelsApi(models, workers).blueprint())
    app.register_blueprint(SentencesApi(models, workers, streams).blueprint())
    app.register_blueprint(LessonsApi(workers, streams).blueprint())
    app.register_blueprint(openapi.blueprint())
    if config.metrics:
        app.register_blueprint(metrics.blueprint())
    app.register_blueprint(source_pages.blueprint())
    app.register_blueprint(Pages(store).blueprint())
    return app
