"""The trained models over HTTP: which there are, their weights, images to try them with, and answers from here.

==============================  ========================================================================================
GET /api/models                 every kind of model, with those that were found, best first, and the command that trains
                                one
GET /api/models/KIND/weights    the network as a bundle (`server.bundle`): what reads an image, or the decoder
GET /api/models/KIND/samples    images to try it with as a bundle; of autoencoders with their codes
POST /api/models/KIND/predict   what a network that reads images makes of one
==============================  ========================================================================================

Each takes ``run``, one of those that are listed, and the best without. Where there is none, the 404 tells the command
that trains one as ``command``. With its ``version``, which the list tells, weights and samples never change.
"""

import threading
from collections import OrderedDict
from typing import Annotated, Any, Final

import msgspec
from flask import Blueprint, Response
from msgspec import Meta
from werkzeug.exceptions import NotFound

from server.body import Body
from server.bundle import MEDIA_TYPE
from server.limits import expensive
from server.models import WANTED, Kind, ModelFile, Models
from server.operations import answer, operation, read_body, read_query
from server.workers import WorkerPool

READERS: Final[tuple[Kind, ...]] = ("digits", "letters")
CODERS: Final[tuple[Kind, ...]] = ("autoencoder", "vae")
SECONDS: Final = 20.0  # reading a data set from a slow disk takes the longest
PER_CLASS: Final = {"digits": 6, "letters": 6, "autoencoder": 40, "vae": 40}
SIDE: Final = 28
KEPT: Final = 8  # bundles

NEVER_CHANGES: Final = "public, max-age=31536000, immutable"
MAY_CHANGE: Final = "no-cache"

RunName = Annotated[str, Meta(min_length=1, max_length=500, description="a run of /api/models; the best if not given")]
Version = Annotated[str, Meta(max_length=100, description="as in /api/models: lets the answer be kept for ever")]


class ModelQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which model of a kind."""

    run: RunName | None = None
    version: Version | None = None


class Drawing(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An image, 28 x 28, row by row, centred as the images that the network has learned from."""

    pixels: Annotated[
        list[Annotated[int, Meta(ge=0, le=255, description="0 paper, 255 ink")]],
        Meta(min_length=SIDE * SIDE, max_length=SIDE * SIDE),
    ]


class Reading(msgspec.Struct, kw_only=True):
    """What a network makes of an image."""

    run: str
    classes: list[str]
    probabilities: list[float]


class FoundModel(msgspec.Struct, kw_only=True):
    """A trained model."""

    run: str
    model: str
    """Its architecture: nielsen, mlp, conv, autoencoder, vae, latent-diffusion."""
    classes: list[str]
    accuracy: float | None
    """Which part of the test images it got right, where that was measured."""
    version: str


class KindOfModel(msgspec.Struct, kw_only=True):
    """A kind of model."""

    kind: Kind
    title: str
    command: str
    """What trains one."""
    models: list[FoundModel]
    """The best first."""


class ModelList(msgspec.Struct, kw_only=True):
    """Every kind of model."""

    kinds: list[KindOfModel]


class ModelsApi:
    """The views, and what they share.

    Parameters
    ----------
    models : Models
        What there is.
    workers : WorkerPool
        Where models are loaded.
    """

    def __init__(self, models: Models, workers: WorkerPool) -> None:
        self._models = models
        self._workers = workers
        self._bodies: OrderedDict[tuple[str, str, str], Body] = OrderedDict()
        self._lock = threading.Lock()

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("models", __name__, url_prefix="/api/models")
        routes.add_url_rule("", "list", self.list_models, methods=["GET"])
        routes.add_url_rule("/<kind>/weights", "weights", self.weights, methods=["GET"])
        routes.add_url_rule("/<kind>/samples", "samples", self.samples, methods=["GET"])
        routes.add_url_rule("/<kind>/predict", "predict", self.predict, methods=["POST"])
        return routes

    @operation("List the trained models", answers={200: ModelList})
    def list_models(self) -> Response:
        """Return every kind of model, with those that were found."""
        return answer(ModelList(kinds=[_listed(kind, files) for kind, files in self._models.by_kind().items()]))

    @operation("Get the weights of a network", query=ModelQuery, answers={200: MEDIA_TYPE}, problems=(422, 429, 503))
    @expensive(per_minute=60, burst=60)
    def weights(self, kind: str) -> Response:
        """Return a network for the page to run."""
        file = self._asked(kind, READERS + CODERS)
        header = {"run": file.run, "model": file.model, "classes": file.classes, "accuracy": file.accuracy}
        return self._bundle("weights", file, {"model": file.reference(), "header": header})

    @operation("Get images to try a model with", query=ModelQuery, answers={200: MEDIA_TYPE}, problems=(422, 429, 503))
    @expensive(per_minute=60, burst=60)
    def samples(self, kind: str) -> Response:
        """Return images, and where an autoencoder has them in its latent space."""
        file = self._asked(kind, READERS + CODERS)
        arguments = {
            "classes": file.classes,
            "data": str(file.notes.get("data")),
            "per_class": PER_CLASS[kind],
            "model": file.reference() if kind in CODERS else None,
        }
        return self._bundle("samples", file, arguments)

    @operation(
        "Read an image", query=ModelQuery, body=Drawing, answers={200: Reading}, problems=(413, 415, 422, 429, 503)
    )
    @expensive(per_minute=600, burst=100)
    def predict(self, kind: str) -> Response:
        """Return what a network makes of an image: for pages that cannot run it themselves."""
        file = self._asked(kind, READERS)
        arguments = {"model": file.reference(), "image": bytes(read_body(Drawing).pixels)}
        probabilities = self._workers.run("predict", arguments, seconds=SECONDS)
        return answer(Reading(run=file.run, classes=list(file.classes), probabilities=probabilities))

    def _asked(self, name: str, allowed: tuple[Kind, ...]) -> ModelFile:
        """Return the model that the request at hand is about."""
        for kind in allowed:
            if kind == name:
                return self._models.find(kind, read_query(ModelQuery).run)
        raise NotFound(f"There is nothing of this for the kind {name[:100]!r}.")

    def _bundle(self, task: str, file: ModelFile, arguments: dict[str, Any]) -> Response:
        """Answer with what a task makes of a model, which is made once."""
        key = (task, file.run, file.stamp)
        with self._lock:
            body = self._bodies.get(key)
        if body is None:
            body = Body.of(self._workers.run(task, arguments, seconds=SECONDS), MEDIA_TYPE)
        with self._lock:
            self._bodies[key] = body
            self._bodies.move_to_end(key)
            if len(self._bodies) > KEPT:
                self._bodies.popitem(last=False)
        known = read_query(ModelQuery).version == file.stamp
        return body.respond(cache_control=NEVER_CHANGES if known else MAY_CHANGE)


def _listed(kind: Kind, files: list[ModelFile]) -> KindOfModel:
    """Tell of the models of a kind."""
    found = [
        FoundModel(
            run=file.run,
            model=file.model,
            classes=list(file.classes),
            accuracy=file.accuracy,
            version=file.stamp,
        )
        for file in files
    ]
    return KindOfModel(kind=kind, title=WANTED[kind].title, command=WANTED[kind].command, models=found)
