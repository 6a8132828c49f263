"""The games in an SQL database, and what is known of them."""

from server.store.analyses import Analyses, AnalysisSummary
from server.store.games import MAX_PAGE, GameStore, GameSummary, Page, StoredGame

__all__ = ["MAX_PAGE", "Analyses", "AnalysisSummary", "GameStore", "GameSummary", "Page", "StoredGame"]
