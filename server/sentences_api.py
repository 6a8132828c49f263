"""The JSON interface to handwriting: sentences whose letters condense out of noise.

===============================  =======================================================================================
GET /api/sentences?text=         a stream of server-sent events: ``start`` (width, height), ``frame`` (what has changed
                                 since the one before: x, y, a PNG in base64; how many seconds it is shown), ``end``, or
                                 ``problem``
GET /api/sentences/picture?...   the same as a file: ?format=gif, apng, or png, the finished sentence
===============================  =======================================================================================

Both take ?seed=&guidance=&steps=&case=&colours= besides. Same query and model, same sentence. Where there is no model
of letters, the 404 tells the command that trains one as ``command``.
"""

from typing import Annotated, Any, Final, Literal

import msgspec
from flask import Blueprint, Response
from msgspec import Meta

from server.limits import expensive
from server.models import Models
from server.operations import operation, read_query
from server.relay import job_events
from server.streams import Streams
from server.workers import WorkerPool

MAX_LENGTH: Final = 120  # characters: about two seconds of work
SECONDS: Final = 30.0  # on a busy machine
MEDIA_TYPES: Final = {"gif": "image/gif", "png": "image/png", "apng": "image/apng"}


class SentenceQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What to write, and how."""

    text: Annotated[str, Meta(min_length=1, max_length=MAX_LENGTH)]
    seed: Annotated[int, Meta(ge=0, le=2**31 - 1, description="Same seed, same letters")] = 0
    guidance: Annotated[float, Meta(ge=0, le=10)] | None = None
    """How strongly a letter is asked for; the model's if not given."""
    steps: Annotated[int, Meta(ge=1, le=50)] | None = None
    """From noise to letter; the model's if not given."""
    case: Literal["keep", "upper", "lower"] = "keep"
    colours: Literal["paper", "white", "night"] = "paper"


class PictureQuery(SentenceQuery, kw_only=True):
    """The same, and the kind of file."""

    format: Literal["gif", "png", "apng"] = "gif"


class SentencesApi:
    """The views.

    Parameters
    ----------
    models : Models
        Where the model of letters comes from.
    workers : WorkerPool
        Where sentences are written.
    streams : Streams
        How many may look at once.
    """

    def __init__(self, models: Models, workers: WorkerPool, streams: Streams) -> None:
        self._models = models
        self._workers = workers
        self._streams = streams

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("sentences", __name__, url_prefix="/api/sentences")
        routes.add_url_rule("", "write", self.write, methods=["GET"])
        routes.add_url_rule("/picture", "picture", self.picture, methods=["GET"])
        return routes

    @operation(
        "Write a sentence and watch its letters condense out of noise",
        query=SentenceQuery,
        answers={200: "text/event-stream"},
        problems=(429, 503),
    )
    @expensive(per_minute=30, burst=20)
    def write(self) -> Response:
        """Stream a sentence as it is written."""
        arguments = self._arguments(read_query(SentenceQuery))
        return self._streams.respond(job_events(self._workers.stream("write", arguments, seconds=SECONDS)))

    @operation(
        "Write a sentence into a picture",
        query=PictureQuery,
        answers={200: ", ".join(MEDIA_TYPES.values())},
        problems=(422, 429, 503),
    )
    @expensive(per_minute=30, burst=10)
    def picture(self) -> Response:
        """Return a sentence as a file."""
        query = read_query(PictureQuery)
        data = self._workers.run("write-picture", self._arguments(query), seconds=SECONDS)
        response = Response(data, content_type=MEDIA_TYPES[query.format])
        ending = "png" if query.format == "apng" else query.format  # what programs know it by
        response.headers["Content-Disposition"] = f'inline; filename="sentence.{ending}"'
        response.headers["Cache-Control"] = "no-store"
        return response

    def _arguments(self, query: SentenceQuery) -> dict[str, Any]:
        """Return what the tasks take."""
        return {"model": self._models.find("diffusion").reference(), **msgspec.structs.asdict(query)}
