"""An n-tuple agent that is trained in half a second."""

from functools import cache

from agents.checkpoint import save_learner
from agents.td import TDLearner


@cache
def learned_teacher():
    """Return what 300 games teach, about 8,000 points a game."""
    learner = TDLearner(seed=0)
    learner.train(300)
    return learner


def teacher_folder(folder):
    """Save it; return the folder's name."""
    save_learner(learned_teacher(), folder)
    return str(folder)
