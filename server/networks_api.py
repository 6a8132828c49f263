"""Networks that play inside a page: small ones, as they lie in their runs (`agents.compact`).

===============================  ====================================================================================
GET /api/players/network         the file of a player whose ``page_network`` in /api/players is not null: ?player=
===============================  ====================================================================================
"""

from typing import Annotated, Final

import msgspec
from flask import Blueprint, Response
from msgspec import Meta
from werkzeug.exceptions import NotFound

from server.body import Body
from server.bundle import MEDIA_TYPE
from server.limits import expensive
from server.operations import operation, read_query
from server.players import COMPACT_NAME, MAX_PAGE_BYTES, Players
from server.run_folder import open_regular

NEVER_CHANGES: Final = "public, max-age=31536000, immutable"
MAY_CHANGE: Final = "no-cache"


class NetworkQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Whose network."""

    player: Annotated[str, Meta(min_length=1, max_length=500, description="a name of /api/players")]
    version: (
        Annotated[str, Meta(max_length=100, description="its page_network: lets the answer be kept for ever")] | None
    ) = None


class NetworksApi:
    """The view.

    Parameters
    ----------
    players : Players
        Whose networks there are.
    """

    def __init__(self, players: Players) -> None:
        self._players = players

    def blueprint(self) -> Blueprint:
        """Return the route."""
        routes = Blueprint("networks", __name__, url_prefix="/api/players")
        routes.add_url_rule("/network", "network", self.network, methods=["GET"])
        return routes

    @operation(
        "Get the network of a player that can play in a page",
        query=NetworkQuery,
        answers={200: MEDIA_TYPE},
        problems=(429,),
    )
    @expensive(per_minute=60, burst=60)
    def network(self) -> Response:
        """Return the file as it is."""
        query = read_query(NetworkQuery)
        player = self._players.find(query.player)
        if player.info.page_network is None or player.folder is None:
            raise NotFound(f"The player {query.player[:100]!r} has no network for pages.")
        try:
            with open_regular(player.folder / COMPACT_NAME) as file:
                data = file.read(MAX_PAGE_BYTES)
        except OSError:
            raise NotFound(f"The network of {query.player[:100]!r} has gone.") from None
        known = query.version == player.info.page_network
        return Body.of(data, MEDIA_TYPE).respond(cache_control=NEVER_CHANGES if known else MAY_CHANGE)
