"""The engine's side of an enrolled voice: a saved profile, kept out of memory where a file holds it."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from avatar_contracts.problems import VoiceNotEnrolled
from avatar_gpu.voice.exemplars import SCHEMA_VERSION


@dataclass(frozen=True)
class EspeakVoice:
    """What ``EspeakEngine.enrol`` gives back.

    key: SHA-256 of the profile. pitch: eSpeak's pitch setting that the profile was learnt against.
    median_hz: the speaker's F0. rate: the speaker's speed relative to the base voice's. aligned_to_text: the
    words of the recording were known and fitted. Either ``data`` or ``path`` holds
    the profile (npz, see ``voice.exemplars``).
    """

    key: str
    pitch: int
    median_hz: float
    language: str
    rate: float
    aligned_to_text: bool
    data: bytes | None = None
    path: Path | None = None

    def save(self, path: Path) -> None:
        """Writes the profile; ``voice_from_file`` reads it."""
        path.write_bytes(self.profile())

    def profile(self) -> bytes:
        """The saved profile.

        Raises:
            VoiceNotEnrolled: the file is gone.
        """
        if self.data is not None:
            return self.data
        assert self.path is not None
        try:
            return self.path.read_bytes()
        except FileNotFoundError as error:
            raise VoiceNotEnrolled("The enrolled voice is no longer here; upload it again.") from error


def voice_from_file(path: Path) -> EspeakVoice:
    """The voice that ``save`` wrote, its frames left in the file.

    Raises:
        ValueError: another version, or no saved voice.
    """
    return _described(path.read_bytes(), path)


def voice_from_bytes(data: bytes) -> EspeakVoice:
    """A voice just learnt, held in memory."""
    return _described(data, None)


def _described(data: bytes, path: Path | None) -> EspeakVoice:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            raw = np.load(io.BytesIO(archive.read("header.npy")), allow_pickle=False)
        header = json.loads(bytes(raw).decode())
        version = header["schema_version"]
        if version != SCHEMA_VERSION:
            raise ValueError(f"voice schema {version}, expected {SCHEMA_VERSION}")
        return EspeakVoice(
            sha256(data).hexdigest(),
            int(header["pitch"]),
            float(np.exp(header["voice_pitch"][0])),
            str(header["language"]),
            float(header["rate"]),
            bool(header["aligned_to_text"]),
            None if path is not None else data,
            path,
        )
    except (zipfile.BadZipFile, KeyError, TypeError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError("the file is no saved voice") from error
