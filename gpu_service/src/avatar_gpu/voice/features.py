"""Frames compared by how they sound: weighted mel cepstra in context, normalised for the speaker."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from avatar_gpu.voice.world import BINS, SAMPLE_RATE_HZ

MEL_BANDS = 40
MEL_FROM_HZ, MEL_TO_HZ = 50.0, 7_840.0
CEPSTRA = 20
WEIGHTS = np.array([0.5] + [1.0] * 8 + [0.8] * 8 + [0.5] * 3, np.float32)
CONTEXT_FRAMES = (-6, -3, 0, 3, 6)
"""30 ms to both sides at 5 ms a frame."""
DIMENSIONS = 40


@cache
def _mel_to_cepstra() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Triangular mel filters (513, 40) that each sum to one, and the DCT-II (40, 20)."""
    top, bottom = (1127 * np.log(1 + f / 700) for f in (MEL_TO_HZ, MEL_FROM_HZ))
    edges = 700 * (np.exp(np.linspace(bottom, top, MEL_BANDS + 2) / 1127) - 1)
    frequency = np.linspace(0, SAMPLE_RATE_HZ / 2, BINS)[:, None]
    rising = (frequency - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequency) / (edges[2:] - edges[1:-1])
    filters = np.clip(np.minimum(rising, falling), 0, None)
    filters /= np.maximum(filters.sum(axis=0), 1e-9)
    band = np.arange(MEL_BANDS) + 0.5
    transform = np.cos(np.pi / MEL_BANDS * band[:, None] * np.arange(CEPSTRA)) * np.sqrt(2 / MEL_BANDS)
    transform[:, 0] /= np.sqrt(2)
    return filters.astype(np.float32), transform.astype(np.float32)


def mel_cepstra(envelope: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, 20) mel cepstra of log power spectra (N, 513)."""
    filters, transform = _mel_to_cepstra()
    return np.asarray(np.log(np.exp(envelope) @ filters + 1e-12) @ transform, dtype=np.float32)


def in_context(cepstra: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, 100) each frame with its neighbours at ``CONTEXT_FRAMES``, ends held."""
    index = np.arange(len(cepstra))
    last = len(cepstra) - 1
    return np.concatenate([cepstra[np.clip(index + k, 0, last)] for k in CONTEXT_FRAMES], axis=1)


@dataclass(frozen=True)
class Normaliser:
    """Mean and deviation of a speaker's cepstra over speech frames; (20,) each."""

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]

    @classmethod
    def of(cls, cepstra: NDArray[np.float32], speech: NDArray[np.bool_]) -> Normaliser:
        """The statistics of ``cepstra`` where ``speech``."""
        chosen = cepstra[speech]
        return cls(chosen.mean(axis=0), np.maximum(chosen.std(axis=0), 1e-3))

    def features(self, cepstra: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, 100) normalised, weighted, in context."""
        return in_context((cepstra - self.mean) / self.deviation * WEIGHTS)


@dataclass(frozen=True)
class Projection:
    """The principal axes of what both speakers do; (100,) mean and (100, 40) axes."""

    mean: NDArray[np.float32]
    axes: NDArray[np.float32]

    @classmethod
    def of(cls, features: NDArray[np.float32]) -> Projection:
        """Fitted to rows of ``features``."""
        mean = features.mean(axis=0)
        centred = features - mean
        _, vectors = np.linalg.eigh(centred.T @ centred)
        return cls(mean, np.ascontiguousarray(vectors[:, ::-1][:, :DIMENSIONS], dtype=np.float32))

    def __call__(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, 40)."""
        return np.asarray((features - self.mean) @ self.axes, dtype=np.float32)


def distances(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, M) Euclidean distances between rows."""
    squared: NDArray[np.float32] = first @ second.T
    squared *= -2
    squared += (first**2).sum(axis=1)[:, None]
    squared += (second**2).sum(axis=1)[None]
    np.maximum(squared, 0, out=squared)
    np.sqrt(squared, out=squared)
    return squared
