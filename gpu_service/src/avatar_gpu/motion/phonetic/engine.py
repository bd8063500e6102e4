"""The engine ``phonetic``: timed phones → ``MotionTrack``, by rules alone.

Dominance blending of visemes with hard lip contacts, emphasis from stress and loudness, and the motions of a
living face: drift of the head, gaze, blinks, breath. No weights, no download; deterministic by seed.
Every part is a function of time, so a clip's motion does not depend on how the audio before it was cut.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from avatar_contracts.motion import (
    COEFFICIENT_INDEX,
    COEFFICIENTS,
    CONTROL_RATE_HZ,
    EXTRA_INDEX,
    EXTRAS,
    MotionTrack,
)
from avatar_contracts.performance import MotionOptions
from avatar_contracts.timeline import TimedPhone, TimedWord
from avatar_gpu.motion.phonetic.curves import Curve, gentle_step
from avatar_gpu.motion.phonetic.emotion import emotion_pitch, emotion_pose
from avatar_gpu.motion.phonetic.eyes import VESTIBULO_OCULAR_GAIN, Blinks, Gaze, look_coefficients
from avatar_gpu.motion.phonetic.gestures import Island, Score, read_score
from avatar_gpu.motion.phonetic.head import drifting_head
from avatar_gpu.motion.phonetic.noise import Stream, drift
from avatar_gpu.motion.phonetic.phones import PhoneReader
from avatar_gpu.motion.phonetic.speech_motion import (
    BROWS,
    CLOSURE,
    MOUTH,
    PITCH,
    SPEAKING,
    Residue,
    SpeechMotion,
    joined,
)
from avatar_gpu.motion.phonetic.visemes import PARAMETER_INDEX, PARAMETERS
from avatar_gpu.protocols import EngineContext, SpeechClip

_Timed = TypeVar("_Timed", TimedPhone, TimedWord)

_EASE_IN_S = 0.8
_EASE_OUT_S = 0.7
_MOUTH_EASE_OUT_S = 0.10
_REST_S = 0.42
"""How long the lips take from closed to as they are in the photo, at the very end."""
_PHRASE_PAUSE_S = 0.25
_IDLE_HEAD = 0.55
"""Part of the head's drift that is left while nothing is said."""
_BREATH_HZ = 0.24
_BREATH_WANDERS = 0.12
_BREATH_RISE = 0.006
_ROUND_LIPS_LOSE = 0.6
"""Part of an emotion's lip shape that rounded lips take away."""

_LIP_EMOTION = np.array([name.startswith("mouth") for name in COEFFICIENTS])


def _spread_matrix() -> NDArray[np.float64]:
    matrix = np.zeros((len(PARAMETERS), len(COEFFICIENTS)))
    for row, name in enumerate(PARAMETERS):
        for full in (name, f"{name}Left", f"{name}Right"):
            if full in COEFFICIENT_INDEX:
                matrix[row, COEFFICIENT_INDEX[full]] = 1.0
    return matrix


_SPREAD = _spread_matrix()


class PhoneticEngine:
    """Implements ``MotionEngine``. Holds nothing but the phones it met; sessions are independent."""

    def __init__(self, context: EngineContext) -> None:
        del context  # needs no device, file or worker
        self._reader = PhoneReader()

    def warm(self) -> None:
        """Runs a syllable through, so that numpy and scipy are loaded."""
        rate = 16_000
        phones = tuple(
            TimedPhone(start=i * 1600, end=(i + 1) * 1600, ipa=ipa) for i, ipa in enumerate(("m", "a", ""))
        )
        clip = SpeechClip(np.zeros(4800, np.float32), phones, (), 0, 1)
        self.start(MotionOptions(), rate).feed(clip, last=True)

    def start(self, options: MotionOptions, sample_rate_hz: int) -> PhoneticSession:
        """A new session in the rest pose at time 0."""
        return PhoneticSession(options, sample_rate_hz, self._reader)

    def close(self) -> None:
        """Nothing to free."""


class PhoneticSession:
    """Implements ``MotionSession``: the motion of one performance, clip by clip."""

    def __init__(self, options: MotionOptions, sample_rate_hz: int, reader: PhoneReader) -> None:
        self._options = options
        self._rate_hz = sample_rate_hz
        self._reader = reader
        self._samples = 0
        self._score = Score((), (), ())
        self._speech = self._motion_of(self._score)
        self._residues: list[Residue] = []
        self._blinks = Blinks(options.seed)
        self._gaze = Gaze(options.seed)
        intensity = 0.5 + options.expressiveness
        self._emotion = emotion_pose(options.emotion, intensity)
        self._emotion_pitch = emotion_pitch(options.emotion, intensity)
        self._head_scale = 2.0 * options.head_motion

    def feed(self, clip: SpeechClip, *, last: bool) -> MotionTrack:
        """The motion over exactly ``clip``; see ``MotionSession.feed``."""
        first, length = self._samples, len(clip.samples)
        start_s, end_s = first / self._rate_hz, (first + length) / self._rate_hz
        size = -(-length * CONTROL_RATE_HZ // self._rate_hz) + 1
        times_s = start_s + np.arange(size) / CONTROL_RATE_HZ

        self._hear(clip, first, start_s)
        speech = self._speech.at(times_s)
        for residue in self._residues:
            speech += residue.at(times_s)
        presence = gentle_step(times_s / _EASE_IN_S)
        if last:
            presence *= _fade_out(times_s, end_s, min(_EASE_OUT_S, end_s - start_s))
            readiness = speech[:, SPEAKING] * _fade_out(times_s, end_s, min(_REST_S, end_s - start_s))
            speech *= _fade_out(times_s, end_s, min(_MOUTH_EASE_OUT_S, end_s - start_s))[:, None]
            speech[:, SPEAKING] = readiness

        track = self._track(start_s, times_s, speech, presence, clip, first)
        self._samples += length
        self._blinks.forget_before(end_s)
        self._gaze.forget_before(end_s)
        return track

    def _hear(self, clip: SpeechClip, first: int, start_s: float) -> None:
        heard = read_score(clip.phones, clip.samples, first, self._rate_hz, self._reader)
        self._residues = [r for r in self._residues if not r.faded(start_s)]
        if heard.gestures:
            self._score = joined(self._score, heard, start_s)
            wanted = self._motion_of(self._score)
            self._residues.append(Residue.between(self._speech, wanted, start_s))
            self._speech = wanted
        for end_s in _phrase_ends(heard.islands):
            self._blinks.at_phrase_end(end_s)

    def _motion_of(self, score: Score) -> SpeechMotion:
        amplitude = 0.82 + 0.36 * self._options.expressiveness
        return SpeechMotion(score, self._options.seed, amplitude, self._options.expressiveness)

    def _track(
        self,
        start_s: float,
        times_s: Curve,
        speech: Curve,
        presence: Curve,
        clip: SpeechClip,
        first: int,
    ) -> MotionTrack:
        speaking = np.clip(speech[:, SPEAKING], 0, 1)
        breath = self._breath(times_s) * presence
        rotation, translation = self._head(times_s, speech, speaking, breath, presence)
        gaze = self._gaze.at(times_s) * presence[:, None] - VESTIBULO_OCULAR_GAIN * rotation[:, :2]
        both_eyes = np.repeat(gaze[:, None, :], 2, axis=1)
        rounding = np.clip(
            speech[:, PARAMETER_INDEX["mouthPucker"]] + 0.7 * speech[:, PARAMETER_INDEX["mouthFunnel"]], 0, 1
        )
        extras = np.zeros((len(times_s), len(EXTRAS)))
        extras[:, EXTRA_INDEX["tongueUp"]] = np.clip(speech[:, PARAMETER_INDEX["tongueUp"]], 0, 1)
        extras[:, EXTRA_INDEX["breath"]] = breath
        extras[:, EXTRA_INDEX["speaking"]] = np.maximum(speaking, presence)
        extras[:, EXTRA_INDEX["rounding"]] = rounding
        return MotionTrack(
            start_s,
            self._coefficients(times_s, speech, presence, rounding, both_eyes).astype(np.float32),
            rotation.astype(np.float32),
            translation.astype(np.float32),
            both_eyes.astype(np.float32),
            extras.astype(np.float32),
            self._rate_hz,
            tuple(_later(p, first) for p in clip.phones),
            tuple(_later(w, first) for w in clip.words),
            {"engine": "phonetic", "seed": self._options.seed},
        )

    def _head(
        self, times_s: Curve, speech: Curve, speaking: Curve, breath: Curve, presence: Curve
    ) -> tuple[Curve, Curve]:
        rotation, translation = drifting_head(times_s, self._options.seed)
        lively = (_IDLE_HEAD + (1 - _IDLE_HEAD) * speaking) * presence * self._head_scale
        rotation *= lively[:, None]
        translation *= lively[:, None]
        rotation[:, 1] += speech[:, PITCH] * self._head_scale * presence
        rotation[:, 1] += self._emotion_pitch * presence
        translation[:, 1] -= _BREATH_RISE * breath * min(self._head_scale, 1.0)
        return rotation, translation

    def _breath(self, times_s: Curve) -> Curve:
        wander = drift(times_s, self._options.seed, Stream.BREATH, 2.0)
        turns = _BREATH_HZ * times_s + _BREATH_WANDERS * wander
        breath: Curve = 0.5 - 0.5 * np.cos(2 * np.pi * turns)
        return breath

    def _coefficients(
        self, times_s: Curve, speech: Curve, presence: Curve, rounding: Curve, gaze: NDArray[np.float64]
    ) -> Curve:
        emotion = self._emotion * presence[:, None]
        emotion[:, _LIP_EMOTION] *= (1 - _ROUND_LIPS_LOSE * rounding)[:, None]
        coefficients: Curve = np.maximum(speech[:, MOUTH], 0) @ _SPREAD + emotion
        coefficients[:, COEFFICIENT_INDEX["mouthClose"]] = speech[:, CLOSURE]
        coefficients[:, COEFFICIENT_INDEX["browInnerUp"]] += 0.8 * speech[:, BROWS]
        for side in ("Left", "Right"):
            coefficients[:, COEFFICIENT_INDEX[f"browOuterUp{side}"]] += 0.6 * speech[:, BROWS]
        blink = self._blinks.closed(times_s) * presence
        for name, values in look_coefficients(gaze).items():
            column = COEFFICIENT_INDEX[name]
            if name.startswith("eyeBlink"):
                coefficients[:, column] = 1 - (1 - blink) * (1 - values) * (1 - coefficients[:, column])
            elif name.startswith("eyeWide"):
                coefficients[:, column] = (coefficients[:, column] + values) * (1 - blink)
            else:
                coefficients[:, column] = values
        return np.clip(coefficients, 0.0, 1.0)


def _fade_out(times_s: Curve, end_s: float, duration_s: float) -> Curve:
    return gentle_step((end_s - times_s) / max(duration_s, 1e-6))


def _phrase_ends(islands: tuple[Island, ...]) -> list[float]:
    ends = []
    for index, island in enumerate(islands):
        following = islands[index + 1].start_s if index + 1 < len(islands) else float("inf")
        if following - island.end_s > _PHRASE_PAUSE_S:
            ends.append(island.end_s)
    return ends


def _later(unit: _Timed, samples: int) -> _Timed:
    return unit.model_copy(update={"start": unit.start + samples, "end": unit.end + samples})
