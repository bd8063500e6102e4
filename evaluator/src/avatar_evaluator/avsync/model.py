"""Regularised canonical correlation analysis of sound and mouth: fitting, storing, and scoring by lag.

H. Hotelling, "Relations between two sets of variates", 1936; as an estimator of audio-visual offset:
M. Slaney and M. Covell, "FaceSync", 2000. Linear, so that a minute of speech is enough to fit it and 7 kB
hold it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import linalg

from avatar_evaluator.avsync.features import GRID_HZ, Features, Matrix

DIMENSIONS = 5
MOUTH_RIDGE, SOUND_RIDGE = 0.1, 0.6
"""Ridge added to the covariances, as a fraction of their mean variance."""
MAX_LAG_MS = 600
_STEP_MS = 1000 / GRID_HZ
_MAX_LAG = round(MAX_LAG_MS / _STEP_MS)

LAGS_MS = np.arange(-_MAX_LAG, _MAX_LAG + 1) * _STEP_MS
"""(121,) the lags of a curve; positive where the sound is late."""


@dataclass(frozen=True)
class SyncModel:
    """mouth: (20, 5) and sound: (264, 5) projections, their means, and (5,) canonical correlations."""

    mouth: Matrix
    sound: Matrix
    mouth_mean: Matrix
    sound_mean: Matrix
    correlations: Matrix

    def curve(self, pair: Features) -> Matrix:
        """(121,) score at each of ``LAGS_MS``: correlations of the projections, the telling ones weighted."""
        u = (pair.mouth - self.mouth_mean) @ self.mouth
        v = (pair.sound - self.sound_mean) @ self.sound
        weights = self.correlations / self.correlations.sum()
        return np.array([float(weights @ _correlation(u, v, lag)) for lag in range(-_MAX_LAG, _MAX_LAG + 1)])


def fit(pairs: Sequence[Features]) -> SyncModel:
    """The model of clips whose sound is in time."""
    mouth = np.concatenate([pair.mouth for pair in pairs])
    sound = np.concatenate([pair.sound for pair in pairs])
    mouth_mean, sound_mean = mouth.mean(axis=0), sound.mean(axis=0)
    mouth, sound = mouth - mouth_mean, sound - sound_mean
    mouth_root = _ridged_root(mouth.T @ mouth / len(mouth), MOUTH_RIDGE)
    sound_root = _ridged_root(sound.T @ sound / len(sound), SOUND_RIDGE)
    cross = linalg.solve_triangular(mouth_root, mouth.T @ sound / len(mouth), lower=True)
    cross = linalg.solve_triangular(sound_root, cross.T, lower=True).T
    left, correlations, right = np.linalg.svd(cross, full_matrices=False)
    return SyncModel(
        mouth=linalg.solve_triangular(mouth_root.T, left[:, :DIMENSIONS], lower=False),
        sound=linalg.solve_triangular(sound_root.T, right[:DIMENSIONS].T, lower=False),
        mouth_mean=mouth_mean,
        sound_mean=sound_mean,
        correlations=correlations[:DIMENSIONS],
    )


def save(model: SyncModel, path: Path) -> None:
    """Writes float32 arrays as a compressed ``.npz``."""
    arrays = {name: np.asarray(array, np.float32) for name, array in vars(model).items()}
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def load(path: Path | None = None) -> SyncModel:
    """The model in ``path``, or the one that comes with the package."""
    with np.load(path or Path(__file__).parent / "model.npz", allow_pickle=False) as arrays:
        return SyncModel(**{name: arrays[name].astype(np.float64) for name in arrays.files})


def _correlation(u: Matrix, v: Matrix, lag: int) -> Matrix:
    """(5,) correlation of each column of u(t) with v(t + lag)."""
    a, b = (u[: len(u) - lag], v[lag:]) if lag >= 0 else (u[-lag:], v[:lag])
    if len(a) < 2:
        return np.zeros(u.shape[1])
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    power = np.square(a).sum(axis=0) * np.square(b).sum(axis=0)
    return np.asarray((a * b).sum(axis=0) / np.sqrt(power + 1e-12))


def _ridged_root(covariance: Matrix, ridge: float) -> Matrix:
    size = len(covariance)
    return np.linalg.cholesky(covariance + ridge * np.trace(covariance) / size * np.eye(size))
