"""What makes a voice itself, as numbers: F0 and spectral statistics of a speaker, and how to reach them.

``SourceStats`` describe the synthetic base voice as it speaks one language; a ``Timbre`` describes the
voice that is wanted. ``conversion.convert`` moves speech from the one to the other.
"""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from avatar_gpu.voice.smoothing import gaussian
from avatar_gpu.voice.world import BINS, SAMPLE_RATE_HZ, Frames

SCHEMA_VERSION = 1
ZIP_MAGIC = b"PK"
MIN_CLASS_FRAMES = 40
"""A voiced or unvoiced class with fewer frames than this has no statistics of its own."""
F0_OUTLIER = 0.7
"""Natural logarithm: F0 values further from the median than this are tracking errors."""


@dataclass(frozen=True)
class SpectralStats:
    """Mean and deviation of the log power spectrum over the frames of a class; (513,) float32 each.

    The mean is relative to the frames' own level, so that loudness does not enter.
    """

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]


@dataclass(frozen=True)
class Timbre:
    """The statistics of a voice.

    log_f0, log_f0_sd: natural logarithm of Hz.
    voiced, unvoiced: spectra of the two classes.
    aperiodicity: (513,) mean aperiodicity of voiced frames.
    """

    log_f0: float
    log_f0_sd: float
    voiced: SpectralStats
    unvoiced: SpectralStats
    aperiodicity: NDArray[np.float32]

    @property
    def median_hz(self) -> float:
        return float(np.exp(self.log_f0))

    def save(self, path: Path) -> None:
        """Writes the value as npz; ``load_timbre`` reads it."""
        path.write_bytes(self.to_bytes())

    def to_bytes(self) -> bytes:
        """The value as npz."""
        header = {
            "schema_version": SCHEMA_VERSION,
            "sample_rate_hz": SAMPLE_RATE_HZ,
            "log_f0": self.log_f0,
            "log_f0_sd": self.log_f0_sd,
        }
        buffer = io.BytesIO()
        np.savez(
            buffer,
            header=np.frombuffer(json.dumps(header).encode(), np.uint8),
            voiced=np.stack([self.voiced.mean, self.voiced.deviation]),
            unvoiced=np.stack([self.unvoiced.mean, self.unvoiced.deviation]),
            aperiodicity=self.aperiodicity,
        )
        return buffer.getvalue()


def timbre_from_bytes(data: bytes) -> Timbre:
    """The value that ``to_bytes`` wrote.

    Raises:
        ValueError: another version, or no such file.
    """
    if not data.startswith(ZIP_MAGIC):
        raise ValueError("the file is no saved voice")
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            header: dict[str, Any] = json.loads(bytes(file["header"]).decode())
            if header.get("schema_version") != SCHEMA_VERSION:
                raise ValueError(f"voice schema {header.get('schema_version')}, expected {SCHEMA_VERSION}")
            return Timbre(
                float(header["log_f0"]),
                float(header["log_f0_sd"]),
                SpectralStats(*file["voiced"].astype(np.float32)),
                SpectralStats(*file["unvoiced"].astype(np.float32)),
                file["aperiodicity"].astype(np.float32),
            )
    except (OSError, KeyError, TypeError, EOFError, BadZipFile, json.JSONDecodeError) as error:
        raise ValueError("the file is no saved voice") from error


def measure(frames: Frames) -> Timbre:
    """The statistics of a speaker from frames of their speech.

    Raises:
        ValueError: too few voiced frames.
    """
    voiced = frames.voiced
    unvoiced = frames.active & ~voiced
    if voiced.sum() < MIN_CLASS_FRAMES:
        raise ValueError("too little voiced speech to learn a voice from")
    log_f0 = np.log(frames.f0[voiced])
    log_f0 = log_f0[np.abs(log_f0 - np.median(log_f0)) < F0_OUTLIER]
    spectra = frames.envelope - level(frames.envelope)[:, None]
    if frames.aperiodicity is None:
        aperiodicity = np.full(BINS, 0.1, np.float32)
    else:
        aperiodicity = frames.aperiodicity[voiced].mean(axis=0)
    return Timbre(
        float(np.median(log_f0)),
        float(log_f0.std()),
        _stats(spectra[voiced]),
        _stats(spectra[unvoiced if unvoiced.sum() >= MIN_CLASS_FRAMES else voiced]),
        aperiodicity.astype(np.float32),
    )


def level(envelope: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean log power of each frame over the speech band; (N,)."""
    return np.asarray(envelope[:, 3 : BINS * 2 // 3].mean(axis=1))


def _stats(spectra: NDArray[np.float32]) -> SpectralStats:
    mean = gaussian(spectra.mean(axis=0), 2)
    deviation = gaussian(spectra.std(axis=0), 4)
    return SpectralStats(mean.astype(np.float32), np.maximum(deviation, 0.1).astype(np.float32))


@dataclass(frozen=True)
class Shape:
    """A voice made from nothing: how it departs from the base voice.

    median_hz: F0. range: deviation of F0 relative to the base voice's.
    formants: factor on formant frequencies; above 1 is a shorter vocal tract.
    tilt_db: change of level from 500 Hz to 8 kHz. breath: 0 none … 1 aspirated.
    """

    median_hz: float
    range: float
    formants: float
    tilt_db: float
    breath: float

    def to_map(self) -> dict[str, float]:
        """As a plain map, for a worker process."""
        return asdict(self)
