"""Gestures → mouth parameters over time: dominance blending, then contacts that must hold.

Neighbouring visemes blend by Cohen and Massaro's dominance functions (1993), here with Gaussian flanks so
that every parameter is smooth. Plain blending leaves short bilabials open; contacts override it:
lips close fully for p, b, m and the lower lip meets the teeth for f, v. All functions are evaluated at any
time, so that nothing depends on how the audio was cut.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from avatar_gpu.motion.phonetic.curves import Curve, gentle_step, plateaus
from avatar_gpu.motion.phonetic.gestures import Gesture, Island
from avatar_gpu.motion.phonetic.visemes import PARAMETER_INDEX, PARAMETERS, ROUNDING, VISEMES, Contact

AUDIO_LEAD_S = 0.026
"""The face runs ahead of the sound, as speakers' lips do. A lip-sync estimator trained on recordings of real
speakers sees no offset at 22 ms; viewers forgive a late sound sooner than an early one."""

REACH_S = 0.5
"""No gesture is felt farther away than this."""

_BLOCK = 256
_SMOOTHING_S = np.array([-0.032, -0.016, 0.0, 0.016, 0.032])
_SMOOTHING_WEIGHTS = np.exp(-0.5 * (_SMOOTHING_S / 0.020) ** 2)
_SMOOTHING_WEIGHTS /= _SMOOTHING_WEIGHTS.sum()
_PLATEAU = 0.30
"""Part of half a phone's length during which its viseme is fully in force, at least."""
_FLANK_S = 0.045
"""Longest stretch at either end of a phone that it shares with its neighbour."""
_ANTICIPATION = 1.05
_ROUNDING_REACH = 1.45
_YIELD = 0.45
_OPENS_EARLY_S = 0.14
_RESTS_AFTER_S = 0.20
_SILENCE_STRENGTH = 0.8
_UNSCALED = frozenset({"tongueUp", "tongueOut", "mouthRollLower", "mouthRollUpper", "mouthPress"})

_CLOSURE_RISE_S, _CLOSURE_FALL_S = 0.052, 0.046
_TEETH_RISE_S, _TEETH_FALL_S = 0.052, 0.052
_TIGHT_FLANK = 0.55
_QUICKEST_FLANK_S = 0.028
"""Two closures around a short vowel open and close faster, else the vowel would not be seen."""
_WANTED_GAP_S, _FARTHEST_SLIDE_S = 0.055, 0.014
"""They also move apart a little."""
_NARROW_CLOSED, _NARROW_SQUEEZE = 0.50, 0.65
_AT_CLOSURE = {
    "jawOpen": 0.25,
    "mouthUpperUp": 0.0,
    "mouthLowerDown": 0.0,
    "mouthStretch": 0.35,
    "mouthSmile": 0.6,
    "mouthFunnel": 0.55,
    "tongueOut": 0.0,
}
"""What a full closure leaves of each parameter."""

_INNER = np.array([PARAMETERS.index(name) for name in ("jawOpen", "tongueUp")])
_CONTACT_LEAVES_INNER = 0.35
"""Lips that meet say little about jaw and tongue, which already move towards the vowel."""
_ROUNDED = np.array([PARAMETERS.index(name) for name in ROUNDING])
_SCALED = np.array([name not in _UNSCALED for name in PARAMETERS])
_LEFT_AT_CLOSURE = np.array([_AT_CLOSURE.get(name, 1.0) for name in PARAMETERS])
_TEETH_TARGET = np.array([VISEMES["FF"].targets.get(name, 0.0) for name in PARAMETERS])
_TEETH_FORCED = np.array(
    [
        name in {"jawOpen", "mouthUpperUp", "mouthLowerDown", "mouthRollLower", "mouthFunnel", "mouthPucker"}
        for name in PARAMETERS
    ]
)
_PRESS_TARGET = np.array([VISEMES["PP"].targets.get(name, 0.0) for name in PARAMETERS])
_PRESSED = np.array([name in {"mouthPress", "mouthRollLower", "mouthRollUpper"} for name in PARAMETERS])


class MouthShapes:
    """The mouth over a stretch of speech; evaluated at any times, in any order."""

    def __init__(self, gestures: Sequence[Gesture], islands: Sequence[Island], amplitude: float) -> None:
        self._islands = np.array([[i.start_s, i.end_s] for i in islands]).reshape(-1, 2)
        self._fill_blending(gestures, amplitude)
        self._closed = _Contacts(gestures, Contact.CLOSED, _CLOSURE_RISE_S, _CLOSURE_FALL_S)
        self._narrow = _Contacts(gestures, Contact.NARROW, _CLOSURE_RISE_S, _CLOSURE_FALL_S)
        self._teeth = _Contacts(gestures, Contact.TEETH, _TEETH_RISE_S, _TEETH_FALL_S)

    def at(self, times_s: Curve) -> tuple[Curve, Curve]:
        """Parameters (M, P) in the order of ``PARAMETERS``, and how far the lips are closed (M,) 0…1."""
        parameters = np.zeros((len(times_s), len(PARAMETERS)))
        closure = np.zeros(len(times_s))
        for start in range(0, len(times_s), _BLOCK):
            block = slice(start, start + _BLOCK)
            parameters[block], closure[block] = self._block(times_s[block] + AUDIO_LEAD_S)
        return parameters, closure

    def _block(self, t: Curve) -> tuple[Curve, Curve]:
        parameters = np.zeros((len(t), len(PARAMETERS)))
        for offset, weight in zip(_SMOOTHING_S, _SMOOTHING_WEIGHTS, strict=True):
            parameters += weight * self._blend(t + offset)
        parameters *= self._activity(t)[:, None]
        teeth = self._teeth.at(t)[:, None]
        parameters = np.where(_TEETH_FORCED, parameters * (1 - teeth) + _TEETH_TARGET * teeth, parameters)
        closed = self._closed.at(t)
        narrow = self._narrow.at(t)
        squeeze = np.maximum(closed, _NARROW_SQUEEZE * narrow)[:, None]
        parameters *= 1 - squeeze * (1 - _LEFT_AT_CLOSURE)
        press = closed[:, None]
        parameters = np.where(_PRESSED, parameters * (1 - press) + _PRESS_TARGET * press, parameters)
        return parameters, np.maximum(closed, _NARROW_CLOSED * narrow)

    def _fill_blending(self, gestures: Sequence[Gesture], amplitude: float) -> None:
        count = len(gestures)
        self._centre = np.array([(g.start_s + g.end_s) / 2 for g in gestures])
        half = np.array([(g.end_s - g.start_s) / 2 for g in gestures])
        self._half = np.maximum(half * _PLATEAU, half - _FLANK_S)
        self._width = np.array([g.viseme.width_s for g in gestures])
        self._strength = np.array([g.viseme.strength for g in gestures])[:, None] * np.ones(len(PARAMETERS))
        self._target = np.zeros((count, len(PARAMETERS)))
        for row, gesture in enumerate(gestures):
            for name, value in gesture.viseme.targets.items():
                self._target[row, PARAMETER_INDEX[name]] = value
            if gesture.viseme.yields_rounding:
                self._strength[row, _ROUNDED] *= _YIELD
            if gesture.viseme.contact is not None:
                self._strength[row, _INNER] *= _CONTACT_LEAVES_INNER
        gain = np.array([g.gain for g in gestures]) * amplitude
        self._target[:, _SCALED] *= gain[:, None]

    def _blend(self, t: Curve) -> Curve:
        near = (self._centre + self._half > t[0] - REACH_S) & (self._centre - self._half < t[-1] + REACH_S)
        silence = self._silence(t)
        if not near.any():
            return np.zeros((len(t), len(PARAMETERS)))
        distance = t[:, None] - self._centre[near]
        beyond = np.maximum(np.abs(distance) - self._half[near], 0.0)
        width = self._width[near] * np.where(distance < 0, _ANTICIPATION, 1.0)
        exponent = (beyond / width) ** 2
        strength, target = self._strength[near], self._target[near]
        plain = np.exp(-exponent)
        total = plain @ strength + silence[:, None] + 1e-9
        mixed: Curve = (plain @ (strength * target)) / total
        wide: Curve = np.exp(-exponent / _ROUNDING_REACH**2)
        rounded_strength = strength[:, _ROUNDED]
        total_rounded = wide @ rounded_strength + silence[:, None] + 1e-9
        mixed[:, _ROUNDED] = (wide @ (rounded_strength * target[:, _ROUNDED])) / total_rounded
        return mixed

    def _islands_near(self, t: Curve) -> tuple[Curve, Curve]:
        near = (self._islands[:, 1] > t[0] - REACH_S) & (self._islands[:, 0] < t[-1] + REACH_S)
        return self._islands[near, 0], self._islands[near, 1]

    def _silence(self, t: Curve) -> Curve:
        """Strength of the pull towards rest: full inside pauses, none inside speech."""
        start, end = self._islands_near(t)
        if not len(start):
            return np.full(len(t), _SILENCE_STRENGTH)
        inside = plateaus(t, start - 0.01, end + 0.01, 0.06, 0.10).max(axis=1)
        return np.asarray(_SILENCE_STRENGTH * (1 - inside))

    def _activity(self, t: Curve) -> Curve:
        """Exactly 0 in silence, 1 in speech."""
        start, end = self._islands_near(t)
        if not len(start):
            return np.zeros(len(t))
        opening = gentle_step((t[:, None] - (start - _OPENS_EARLY_S)) / _OPENS_EARLY_S)
        resting = gentle_step((end + _RESTS_AFTER_S - t[:, None]) / _RESTS_AFTER_S)
        return np.asarray((opening * resting).max(axis=1))


class _Contacts:
    """The stretches during which one kind of contact holds; what lies between two of them stays visible."""

    def __init__(self, gestures: Sequence[Gesture], contact: Contact, rise_s: float, fall_s: float) -> None:
        found = [(g.closed_from_s, g.closed_until_s) for g in gestures if g.viseme.contact is contact]
        self._stretches = np.array(sorted(found)).reshape(-1, 2)
        _make_room(self._stretches)
        gap_s = np.maximum(self._stretches[1:, 0] - self._stretches[:-1, 1], 0.0)
        tight_s = np.maximum(_TIGHT_FLANK * gap_s, _QUICKEST_FLANK_S)
        self._rise_s = np.minimum(np.append(rise_s, tight_s), rise_s)[: len(found)]
        self._fall_s = np.minimum(np.append(tight_s, fall_s), fall_s)[: len(found)]

    def at(self, t: Curve) -> Curve:
        """How far the contact is made (M,), 0 … 1."""
        near = (self._stretches[:, 1] > t[0] - REACH_S) & (self._stretches[:, 0] < t[-1] + REACH_S)
        if not near.any():
            return np.zeros(len(t))
        start, end = self._stretches[near].T
        return np.asarray(plateaus(t, start, end, self._rise_s[near], self._fall_s[near]).max(axis=1))


def _make_room(stretches: Curve) -> None:
    gap_s = stretches[1:, 0] - stretches[:-1, 1]
    slide_s = np.where(gap_s > 0, np.clip((_WANTED_GAP_S - gap_s) / 2, 0, _FARTHEST_SLIDE_S), 0.0)
    stretches[:-1] -= slide_s[:, None]
    stretches[1:] += slide_s[:, None]
