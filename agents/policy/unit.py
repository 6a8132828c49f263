"""The unit of a network's values: discounted sums of compressed rewards, not points.

Saved with the network, so that who searches with its values can count moves in the same unit.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from agents.errors import CheckpointError
from agents.policy.rewards import REWARDS, compress
from agents.policy.settings import LearningSettings

KEY: Final = "values"  # in the notes of a saved network
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class ValueUnit:
    """In what unit a network's values are: the settings of the same names of `agents.policy.settings`."""

    reward: str = "points"
    reward_scale: float = 1.0
    end_penalty: float = 0.0
    gamma: float = 1.0

    @classmethod
    def of(cls, settings: LearningSettings) -> Self:
        """Return the unit in which a learner with these settings learns values."""
        return cls(
            reward=settings.reward,
            reward_scale=settings.reward_scale,
            end_penalty=settings.end_penalty,
            gamma=settings.gamma,
        )

    def to_notes(self) -> dict[str, Any]:
        """Return what to add to the notes of a network."""
        return {KEY: asdict(self)}

    @classmethod
    def from_notes(cls, notes: Mapping[str, Any]) -> Self:
        """Return the unit that the notes of a saved network tell, under `KEY`.

        Raises
        ------
        CheckpointError
            If they tell none.
        """
        try:
            unit = cls(**notes[KEY])
            known = unit.reward in REWARDS and all(
                isinstance(number, int | float) for number in (unit.reward_scale, unit.end_penalty, unit.gamma)
            )
        except (KeyError, TypeError):
            known = False
        if not known:
            raise CheckpointError(
                f"the network's notes do not tell the unit of its values, which search needs: {notes.get(KEY)!r}"
            )
        return unit

    def compressed(self, points: Floats, boards: npt.NDArray[np.uint64]) -> Floats:
        """Return the points of moves (n,) from boards (n,) in this unit."""
        return compress(self.reward, points, boards, np.zeros(points.shape, np.bool_), scale=self.reward_scale)
