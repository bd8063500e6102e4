"""Enrolled voices and portraits: values under the hash of the bytes they came from.

    enrolled/voices/<sha256>/source          the recording as it was sent
                             summary.json    what was measured
                             <engine>.npz    what an engine learnt from it
    enrolled/portraits/<sha256>/portrait.npz the analysed photo

Everything can be made again from a new upload, so the folder may be deleted at any time; the least recently
used entries go when the total grows above the limit. Writes are atomic: a reader never sees half a file.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import Generic, Protocol, TypeVar

from avatar_contracts.enrolment import SEVERAL_FACES, Notice, PortraitSummary, VoiceSummary
from avatar_contracts.performance import Framing
from avatar_contracts.problems import HashMismatch, PortraitNotEnrolled, VoiceNotEnrolled
from avatar_gpu.catalogue import Catalogue
from avatar_gpu.portrait import PortraitAnalyser, load_portrait, save_portrait
from avatar_gpu.protocols import Likeness, Portrait, SpeechEngine, Voice
from avatar_gpu.voice.analysis import analyse_recording

V = TypeVar("V")

TRANSCRIPT_UNUSED = Notice(
    code="transcript-unused",
    detail="The transcript does not fit the recording, or the engine has no use for it; the voice was learnt "
    "from the sound alone. Send exactly the words that are spoken, at most 30 s, and their language.",
)
KEEP_VOICES = 16
KEEP_PORTRAITS = 8
KEEP_LIKENESSES = 4


class _Recent(Generic[V]):
    """The last few values in memory, made once for each key however many threads ask."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[tuple[str, ...], V] = OrderedDict()
        self._lock = threading.Lock()
        self._making: dict[tuple[str, ...], threading.Lock] = {}

    def get(self, key: tuple[str, ...], make: Callable[[], V]) -> V:
        with self._lock:
            once = self._making.setdefault(key, threading.Lock())
        with once:
            with self._lock:
                if key in self._values:
                    self._values.move_to_end(key)
                    return self._values[key]
            try:
                value = make()
            finally:
                with self._lock:
                    self._making.pop(key, None)
            with self._lock:
                self._values[key] = value
                while len(self._values) > self._size:
                    self._values.popitem(last=False)
            return value

    def forget(self, key: tuple[str, ...]) -> None:
        """The value of ``key`` is made anew when it is next asked for."""
        with self._lock:
            self._values.pop(key, None)


class Enrolment:
    """Enrols and recalls. Every method blocks and may be called from several threads."""

    def __init__(self, folder: Path, models_dir: Path, catalogue: Catalogue, *, max_bytes: int) -> None:
        self._voices = folder / "voices"
        self._portraits = folder / "portraits"
        self._catalogue = catalogue
        self._max_bytes = max_bytes
        self._models_dir = models_dir
        self._analyser: PortraitAnalyser | None = None
        self._recent_voices: _Recent[Voice] = _Recent(KEEP_VOICES)
        self._recent_portraits: _Recent[Portrait] = _Recent(KEEP_PORTRAITS)
        self._recent_likenesses: _Recent[Likeness] = _Recent(KEEP_LIKENESSES)
        self._one_at_a_time = threading.Lock()

    def enrol_voice(
        self,
        digest: str,
        data: bytes,
        engine_name: str | None,
        *,
        language: str | None = None,
        transcript: str | None = None,
    ) -> VoiceSummary:
        """What was measured; afterwards ``voice`` finds the voice for this engine.

        language, transcript: of the recording; where neither is given, what was told before holds.

        Raises:
            HashMismatch, AudioUnreadable, AudioTooLong, SpeechTooShort, and the catalogue's errors.
        """
        _check_hash(digest, data)
        spec = self._catalogue.resolve("speech", engine_name)
        folder = self._voices / digest
        with self._one_at_a_time:
            summary_file = folder / "summary.json"
            if summary_file.exists():
                known = VoiceSummary.model_validate_json(summary_file.read_bytes())
                if language is None and transcript is None:
                    language, transcript = known.language, known.transcript
                told_before = (language, transcript) == (known.language, known.transcript)
                if told_before and (folder / f"{spec.name}.npz").exists():
                    _touch(folder)
                    return known
            recording, summary = analyse_recording(data, digest)
            with self._catalogue.speech(spec.name) as engine:
                voice = engine.enrol(recording, language=language, transcript=transcript)
            unused = () if transcript is None or voice.aligned_to_text else (TRANSCRIPT_UNUSED,)
            told = {
                "language": language,
                "transcript": transcript,
                "warnings": (*summary.warnings, *unused),
            }
            summary = summary.model_copy(update=told)
            with _Replacement(folder) as new:
                (new / "source").write_bytes(data)
                (new / "summary.json").write_text(summary.model_dump_json())
                voice.save(new / f"{spec.name}.npz")
            self._recent_voices.forget((digest, spec.name))
            self._shrink()
        return summary

    def voice(self, digest: str, engine: SpeechEngine, engine_name: str) -> Voice:
        """The enrolled voice as ``engine`` needs it, learnt now where only the recording is here.

        Raises:
            VoiceNotEnrolled: the recording is not here.
        """
        folder = self._voices / digest

        def recall() -> Voice:
            profile = folder / f"{engine_name}.npz"
            if not (folder / "source").exists():
                raise VoiceNotEnrolled(f"Upload the recording to PUT /v1/voices/{digest} and repeat.")
            _touch(folder)
            if profile.exists():
                try:
                    return engine.load_voice(profile)
                except ValueError:
                    profile.unlink()  # written by another version: learn it again
            recording, _ = analyse_recording((folder / "source").read_bytes(), digest)
            told = VoiceSummary.model_validate_json((folder / "summary.json").read_bytes())
            voice = engine.enrol(recording, language=told.language, transcript=told.transcript)
            temporary = profile.with_name(f".{profile.stem}.{os.getpid()}.{threading.get_ident()}.npz")
            voice.save(temporary)
            temporary.replace(profile)
            return voice

        return self._recent_voices.get((digest, engine_name), recall)

    def enrol_portrait(self, digest: str, data: bytes, *, pick_largest: bool = False) -> PortraitSummary:
        """What was found; afterwards ``portrait`` finds the photo.

        A photo of several people that was once enrolled with ``pick_largest`` is refused again without it.

        Raises:
            HashMismatch, ImageUnreadable, ImageTooLarge, NoFace, SeveralFaces, FaceTooSmall; and
            EngineUnavailable where the landmark models are missing.
        """
        _check_hash(digest, data)
        folder = self._portraits / digest
        with self._one_at_a_time:
            with suppress(PortraitNotEnrolled):
                summary = self.portrait(digest).summary
                if pick_largest or not any(warning.code == SEVERAL_FACES for warning in summary.warnings):
                    return summary
            if self._analyser is None:
                self._analyser = PortraitAnalyser(self._models_dir)
            portrait = self._analyser.analyse(data, digest, pick_largest=pick_largest)
            with _Replacement(folder) as new:
                save_portrait(portrait, new / "portrait.npz")
            self._shrink()
        return portrait.summary

    def portrait(self, digest: str) -> Portrait:
        """The enrolled portrait.

        Raises:
            PortraitNotEnrolled: the photo is not here.
        """
        file = self._portraits / digest / "portrait.npz"

        def recall() -> Portrait:
            if not file.exists():
                raise PortraitNotEnrolled(f"Upload the photo to PUT /v1/portraits/{digest} and repeat.")
            _touch(file.parent)
            try:
                return load_portrait(file)
            except ValueError as error:  # written by another version
                file.unlink()
                raise PortraitNotEnrolled(
                    f"Another version analysed this photo; upload it to PUT /v1/portraits/{digest} again."
                ) from error

        return self._recent_portraits.get((digest,), recall)

    def likeness(
        self, digest: str, engine_name: str, engine: _Prepares, size_px: int | None, framing: Framing
    ) -> Likeness:
        """The portrait prepared for one renderer, size and framing.

        Raises:
            PortraitNotEnrolled: the photo is not here.
        """
        portrait = self.portrait(digest)
        return self._recent_likenesses.get(
            (digest, engine_name, str(size_px), framing), lambda: engine.prepare(portrait, size_px, framing)
        )

    def _shrink(self) -> None:
        entries = [
            (entry.stat().st_mtime, sum(f.stat().st_size for f in entry.iterdir()), entry)
            for kind in (self._voices, self._portraits)
            if kind.exists()
            for entry in kind.iterdir()
        ]
        total = sum(size for _, size, _ in entries)
        for _, size, entry in sorted(entries, key=lambda e: e[0])[:-1]:
            if total <= self._max_bytes:
                return
            shutil.rmtree(entry)
            total -= size


class _Prepares(Protocol):
    def prepare(self, portrait: Portrait, size_px: int | None, framing: Framing) -> Likeness: ...


class _Replacement:
    """A new folder that takes the place of ``folder`` when the block ends without an error."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        self._new = Path(mkdtemp(prefix=".new-", dir=folder.parent))

    def __enter__(self) -> Path:
        return self._new

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            shutil.rmtree(self._new)
            return
        if self._folder.exists():
            shutil.rmtree(self._folder)
        self._new.rename(self._folder)


def _check_hash(digest: str, data: bytes) -> None:
    found = sha256(data).hexdigest()
    if found != digest:
        raise HashMismatch(f"The body's SHA-256 is {found}; put it to the address that ends so.")


def _touch(folder: Path) -> None:
    now = time.time()
    os.utime(folder, (now, now))
