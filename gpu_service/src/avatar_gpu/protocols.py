"""The three capabilities as Protocols, and the values that pass between them.

Data flows one way: text → ``SpeechClip`` → ``MotionTrack`` → frames. An engine is made by
``factory(EngineContext)``, is owned by the service for as long as it is loaded, and must allow concurrent
calls from several threads unless its docstring says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from avatar_contracts.enrolment import PortraitSummary
from avatar_contracts.motion import MotionTrack
from avatar_contracts.performance import Framing, MotionOptions
from avatar_contracts.speech import SpeechRequest
from avatar_contracts.timeline import TimedPhone, TimedWord

Cancelled = Callable[[], bool]
"""Asked between units of work (a sentence, a frame); true means stop soon and return."""

FloatAudio = NDArray[np.float32]
"""(T,) mono in [-1, 1]."""

RgbImage = NDArray[np.uint8]
"""(H, W, 3) RGB."""


@dataclass(frozen=True)
class EngineContext:
    """What an engine may know about where it runs."""

    device: str
    models_dir: Path
    workers: int
    """Processes or threads that the engine may use for work of its own."""


class Engine(Protocol):
    """What every engine has, whatever its capability."""

    def warm(self) -> None:
        """Pays the costs of the first request now. Blocking; called once, off the event loop."""

    def close(self) -> None:
        """Frees everything, ends processes. No call follows."""


# Speech


@dataclass(frozen=True)
class AudioClip:
    """Decoded audio: samples (T,) float32 mono in [-1, 1] at ``sample_rate_hz``."""

    samples: FloatAudio
    sample_rate_hz: int

    @property
    def duration_s(self) -> float:
        return len(self.samples) / self.sample_rate_hz


class Voice(Protocol):
    """What an engine learnt from a recording: a value that saves and loads.

    aligned_to_text: the engine used the transcript that came with the recording.
    """

    @property
    def aligned_to_text(self) -> bool: ...

    def save(self, path: Path) -> None: ...


@dataclass(frozen=True)
class SpeechClip:
    """One spoken sentence with the pause that follows it.

    samples: (T,) float32 mono in [-1, 1] at the engine's rate, at about -16 LUFS, peak ≤ -1 dBTP.
    phones, words: times in samples from the start of this clip; ``text_start``/``text_end`` count
        characters of the request's text. The phones cover the clip from 0 to T without gaps; silence is a
        phone with an empty ``ipa``.
    """

    samples: FloatAudio
    phones: tuple[TimedPhone, ...]
    words: tuple[TimedWord, ...]
    sentence: int
    sentences: int
    warnings: tuple[str, ...] = ()


class SpeechEngine(Engine, Protocol):
    """Text → PCM with timed phones, in an enrolled or a built-in voice."""

    sample_rate_hz: int

    @property
    def languages(self) -> tuple[str, ...]:
        """Primary subtags and tags this engine speaks."""

    @property
    def voices(self) -> tuple[str, ...]:
        """Names of built-in voices; the first is the default of a request without a voice."""

    def enrol(
        self, recording: AudioClip, *, language: str | None = None, transcript: str | None = None
    ) -> Voice:
        """A voice from a recording whose speech was found long enough. Blocking, seconds.

        language, transcript: of the recording and what it says, where they are known; hints that an engine
        may use, and must not trust.
        """

    def load_voice(self, path: Path) -> Voice:
        """The voice that ``save`` wrote. Raises ``ValueError`` where the file is of another version."""

    def speak(
        self, request: SpeechRequest, voice: Voice | None, cancelled: Cancelled
    ) -> Iterator[SpeechClip]:
        """The sentences of ``request`` in order, each as soon as it is ready. Blocking iterator.

        ``voice`` is the enrolled voice where the request names one by hash, else None; then
        ``request.voice`` is None or one of ``voices``. Arguments are checked before the first clip:

        Raises:
            UnsupportedLanguage: the engine does not speak the language.
            TextEmpty: nothing of the text can be spoken.
            VoiceNotEnrolled: no built-in voice has this name.
            EngineFailed: a worker died twice in a row.
        """


# Motion


class MotionSession(Protocol):
    """The motion of one performance; consecutive clips continue without a jump. One thread."""

    def feed(self, clip: SpeechClip, *, last: bool) -> MotionTrack:
        """The motion over exactly ``clip``; a silent clip (one pause phone) gives idle motion.

        The track starts where the last one ended (seconds since the start of the performance), its size is
        at least the clip's duration × 100 + 1 control points, and where ``last`` is true it ends in the
        rest pose, so that performances can be joined.
        """


class MotionEngine(Engine, Protocol):
    """Timed phones and audio → ``MotionTrack``."""

    def start(self, options: MotionOptions, sample_rate_hz: int) -> MotionSession:
        """A new session in the rest pose at time 0."""


# Render


@dataclass(frozen=True)
class Portrait:
    """An analysed photo.

    image: (H, W, 3) uint8 RGB, upright.
    landmarks: (478, 3) float32: x, y in pixels of ``image``, z in pixels (towards the camera is negative),
        MediaPipe Face Mesh order with the two irises at 468 and 473.
    matte: (H, W) float32 in [0, 1], 1 where the person is; None where no trustworthy matte was found.
    """

    image: RgbImage
    landmarks: NDArray[np.float32]
    matte: NDArray[np.float32] | None
    summary: PortraitSummary


class Likeness(Protocol):
    """Everything a renderer computed once for a portrait at one picture size; both sides are even."""

    @property
    def width_px(self) -> int: ...

    @property
    def height_px(self) -> int: ...


class RenderEngine(Engine, Protocol):
    """Portrait + motion → RGB frames."""

    def prepare(self, portrait: Portrait, size_px: int | None = None, framing: Framing = "head") -> Likeness:
        """The costly step, once per portrait, size and framing (see ``RenderOptions``). Blocking, about a
        second at most."""

    def render(self, likeness: Likeness, poses: MotionTrack) -> Iterator[RgbImage]:
        """One frame for each control point of ``poses`` (see ``MotionTrack.at``).

        A frame is (height, width, 3) uint8 RGB and belongs to the caller. The same poses give the same
        bytes. Blocking iterator; must release the GIL in its hot loops.
        """
