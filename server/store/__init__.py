"""The games in an SQL database, and what agents think of them."""

from server.store.analyses import Analyses, AnalysisSummary
from server.store.games import MAX_PAGE, AgentSummary, GameStore, GameSummary, Page, StoredGame
from server.store.listing import GameFilter, Order, Sort

__all__ = [
    "MAX_PAGE",
    "AgentSummary",
    "Analyses",
    "AnalysisSummary",
    "GameFilter",
    "GameStore",
    "GameSummary",
    "Order",
    "Page",
    "Sort",
    "StoredGame",
]
