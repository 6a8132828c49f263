"""The JSON interface of the lessons: how our networks and agents learn, told while they do.

=================================  =====================================================================================
GET /api/lessons/backpropagation   a small network learns to tell points apart: ?data=&width=&lr=&seed=
GET /api/lessons/adam              four optimisers walk down a surface: ?surface=&x=&y=&noise=&sgd_lr=&adam_lr=&seed=
GET /api/lessons/td                an n-tuple network learns to play: ?trace_decay=&alpha=&seed=
GET /api/lessons/diffusion         a network learns to turn noise into points: ?data=&parametrization=&lr=&seed=
GET /api/lessons/weights           a layer learns to read digits: ?lr=&weight_decay=&seed=
=================================  =====================================================================================

Each is a stream of server-sent events: ``start``, what stays; ``frame``, how far it is; ``end``, or ``problem``. What
they hold is told by the tasks, `server.workers.lessons`. Same query, same events.
"""

from typing import Annotated, Any, Final, Literal

import msgspec
from flask import Blueprint, Response
from msgspec import Meta

from server.limits import expensive
from server.operations import operation, read_query
from server.relay import job_events
from server.streams import Streams
from server.workers import WorkerPool

SECONDS: Final = 30.0  # for a lesson of one or two, on a busy machine
PER_MINUTE: Final = 60
BURST: Final = 40

Seed = Annotated[int, Meta(ge=0, le=2**31 - 1, description="Same seed, same events")]


class BackpropagationQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What the network learns, and how."""

    data: Literal["xor", "moons"] = "xor"
    width: Annotated[int, Meta(ge=2, le=8, description="Neurons of the first hidden layer")] = 4
    lr: Annotated[float, Meta(ge=0.001, le=2, description="Learning rate")] = 0.1
    seed: Seed = 0


class AdamQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Where the optimisers walk, and how."""

    surface: Literal["ravine", "valley", "saddle"] = "ravine"
    x: Annotated[float, Meta(ge=-2, le=2)] = -1.6
    y: Annotated[float, Meta(ge=-2, le=2)] = 1.2
    noise: Annotated[float, Meta(ge=0, le=2, description="Standard deviation of what is added to gradients")] = 0
    sgd_lr: Annotated[float, Meta(ge=0.001, le=1, description="Learning rate of SGD, with and without momentum")] = 0.03
    adam_lr: Annotated[float, Meta(ge=0.001, le=1, description="Learning rate of RMSProp and Adam")] = 0.03
    seed: Seed = 0


class TDQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How the n-tuple network learns."""

    trace_decay: Annotated[float, Meta(ge=0, le=1, description="lambda")] = 0.5
    alpha: Annotated[float, Meta(ge=0.001, le=1, description="Step size")] = 1
    seed: Seed = 0


class DiffusionQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What the network learns to draw, and how."""

    data: Literal["moons", "spirals", "ring"] = "moons"
    parametrization: Literal["flow", "epsilon"] = "flow"
    lr: Annotated[float, Meta(ge=0.0001, le=0.1, description="Learning rate")] = 0.004
    seed: Seed = 0


class WeightsQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How the layer learns."""

    lr: Annotated[float, Meta(ge=0.0001, le=0.5, description="Learning rate")] = 0.01
    weight_decay: Annotated[float, Meta(ge=0, le=1)] = 0.01
    seed: Seed = 0


class LessonsApi:
    """The views.

    Parameters
    ----------
    workers : WorkerPool
        Where lessons are held.
    streams : Streams
        How many may listen at once.
    """

    def __init__(self, workers: WorkerPool, streams: Streams) -> None:
        self._workers = workers
        self._streams = streams

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("lessons", __name__, url_prefix="/api/lessons")
        for view in (self.backpropagation, self.adam, self.td, self.diffusion, self.weights):
            routes.add_url_rule(f"/{view.__name__}", view.__name__, view, methods=["GET"])
        return routes

    @operation(
        "Learn to tell points apart",
        query=BackpropagationQuery,
        answers={200: "text/event-stream"},
        problems=(429, 503),
    )
    @expensive(per_minute=PER_MINUTE, burst=BURST)
    def backpropagation(self) -> Response:
        """Stream how a small network learns by backpropagation."""
        return self._hold("lesson-backpropagation", read_query(BackpropagationQuery))

    @operation(
        "Walk down a surface by four rules", query=AdamQuery, answers={200: "text/event-stream"}, problems=(429, 503)
    )
    @expensive(per_minute=PER_MINUTE, burst=BURST)
    def adam(self) -> Response:
        """Stream how SGD, momentum, RMSProp and Adam walk."""
        return self._hold("lesson-adam", read_query(AdamQuery))

    @operation("Learn to play 2048", query=TDQuery, answers={200: "text/event-stream"}, problems=(429, 503))
    @expensive(per_minute=PER_MINUTE, burst=BURST)
    def td(self) -> Response:
        """Stream how an n-tuple network learns by temporal differences."""
        return self._hold("lesson-td", read_query(TDQuery))

    @operation(
        "Learn to turn noise into points",
        query=DiffusionQuery,
        answers={200: "text/event-stream"},
        problems=(429, 503),
    )
    @expensive(per_minute=PER_MINUTE, burst=BURST)
    def diffusion(self) -> Response:
        """Stream how a diffusion model of points learns."""
        return self._hold("lesson-diffusion", read_query(DiffusionQuery))

    @operation("Learn to read digits", query=WeightsQuery, answers={200: "text/event-stream"}, problems=(429, 503))
    @expensive(per_minute=PER_MINUTE, burst=BURST)
    def weights(self) -> Response:
        """Stream how a single layer learns, and what its weights look like."""
        return self._hold("lesson-weights", read_query(WeightsQuery))

    def _hold(self, task: str, query: msgspec.Struct) -> Response:
        """Let a worker hold a lesson, and tell of it."""
        arguments: dict[str, Any] = msgspec.structs.asdict(query)
        return self._streams.respond(job_events(self._workers.stream(task, arguments, seconds=SECONDS)))
