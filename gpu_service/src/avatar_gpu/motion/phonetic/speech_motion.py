"""Everything that speech drives, as one vector over time, and how it continues over an unforeseen clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avatar_gpu.motion.phonetic.curves import Curve, gentle_step
from avatar_gpu.motion.phonetic.gestures import Island, Score
from avatar_gpu.motion.phonetic.head import Emphasis
from avatar_gpu.motion.phonetic.mouth import MouthShapes
from avatar_gpu.motion.phonetic.visemes import PARAMETER_INDEX, PARAMETERS

MOUTH = slice(0, len(PARAMETERS))
CLOSURE = len(PARAMETERS)
SPEAKING = CLOSURE + 1
PITCH = CLOSURE + 2
BROWS = CLOSURE + 3
COLUMNS = CLOSURE + 4

_SPEAKING_BEFORE_S = 0.20
_FIRST_WORDS_S = 0.26
"""A performance is about to be spoken: the face is ready for it from this time on, heard or not."""
_SPEAKING_HOLDS_S = 0.60
_SPEAKING_FADES_S = 1.00
MEMORY_S = 2.4
"""Nothing spoken longer ago than this has an effect."""

_BLOCK = 1024
_USUAL_RESIDUE_S = 0.11
_LIP_RESIDUE_S = 0.05
_DURATIONS_S = np.full(COLUMNS, _USUAL_RESIDUE_S)
_DURATIONS_S[CLOSURE] = _LIP_RESIDUE_S
for _name in ("mouthPress", "mouthRollLower", "mouthRollUpper"):
    _DURATIONS_S[PARAMETER_INDEX[_name]] = _LIP_RESIDUE_S
_DURATIONS_S[[PITCH, BROWS]] = 0.35


class SpeechMotion:
    """The columns (mouth parameters, closure, speaking, pitch, brows) at any time."""

    def __init__(self, score: Score, seed: int, amplitude: float, liveliness: float) -> None:
        self._mouth = MouthShapes(score.gestures, score.islands, amplitude)
        self._emphasis = Emphasis(score.beats, score.islands, seed, liveliness)
        self._islands = score.islands

    def at(self, times_s: Curve) -> Curve:
        """(M, COLUMNS) at ascending times."""
        columns = np.zeros((len(times_s), COLUMNS))
        columns[:, MOUTH], columns[:, CLOSURE] = self._mouth.at(times_s)
        for start in range(0, len(times_s), _BLOCK):
            block = slice(start, start + _BLOCK)
            columns[block, SPEAKING] = _speaking(times_s[block], self._islands)
        columns[:, PITCH] = self._emphasis.pitch(times_s)
        columns[:, BROWS] = self._emphasis.brows(times_s)
        return columns


@dataclass(frozen=True)
class Residue:
    """The difference between what was shown and what a new clip asks for, faded out.

    When a clip begins with speech that its predecessor could not know, the difference in position and
    velocity at the joint is carried over and fades along a cubic ("inertialization", Bollo, GDC 2018).
    """

    time_s: float
    value: NDArray[np.float64]
    velocity: NDArray[np.float64]

    @classmethod
    def between(cls, shown: SpeechMotion, wanted: SpeechMotion, time_s: float) -> Residue:
        """What must be added to ``wanted`` from ``time_s`` on to continue ``shown``."""
        step_s = 0.002
        times = np.array([time_s - step_s, time_s, time_s + step_s])
        difference = shown.at(times) - wanted.at(times)
        return cls(time_s, difference[1], (difference[2] - difference[0]) / (2 * step_s))

    def at(self, times_s: Curve) -> Curve:
        """(M, COLUMNS), exactly zero once faded."""
        u = np.clip((times_s - self.time_s)[:, None] / _DURATIONS_S, 0.0, 1.0)
        held = (1 + 2 * u) * (1 - u) ** 2
        moved = u * (1 - u) ** 2 * _DURATIONS_S
        return np.asarray(held * self.value + moved * self.velocity)

    def faded(self, time_s: float) -> bool:
        """Whether nothing is left at ``time_s``."""
        return time_s - self.time_s > float(_DURATIONS_S.max())


def joined(earlier: Score, later: Score, time_s: float) -> Score:
    """``earlier`` without what has no effect any more at ``time_s``, followed by ``later``."""
    oldest = time_s - MEMORY_S
    return Score(
        tuple(g for g in earlier.gestures if g.end_s > oldest) + later.gestures,
        tuple(b for b in earlier.beats if b.time_s > oldest) + later.beats,
        tuple(i for i in earlier.islands if i.end_s > oldest) + later.islands,
    )


def _speaking(times_s: Curve, islands: Sequence[Island]) -> Curve:
    first_s, last_s = float(times_s[0]) - MEMORY_S, float(times_s[-1]) + MEMORY_S
    near = [i for i in islands if i.end_s > first_s and i.start_s < last_s]
    start = np.array([_FIRST_WORDS_S, *(i.start_s for i in near)])
    end = np.array([_FIRST_WORDS_S, *(i.end_s for i in near)])
    t = times_s[:, None]
    rising = gentle_step((t - start + _SPEAKING_BEFORE_S) / _SPEAKING_BEFORE_S)
    fading = gentle_step((end + _SPEAKING_HOLDS_S + _SPEAKING_FADES_S - t) / _SPEAKING_FADES_S)
    return np.asarray((rising * fading).max(axis=1))
