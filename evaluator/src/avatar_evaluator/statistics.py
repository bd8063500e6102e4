"""Intervals by resampling scenarios."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

RESAMPLES = 2000
FEWEST = 3
"""Fewer scenarios than this say nothing about scenarios in general."""


def bootstrap_mean(values: Sequence[float], seed: int = 0) -> tuple[float, float] | None:
    """The 95 % interval of the mean by the percentile bootstrap; None for fewer than three values.

    One value per scenario: frames, windows and repeats of one scenario are no independent observations.
    """
    if len(values) < FEWEST:
        return None
    chosen = np.random.default_rng(seed).integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.percentile(np.array(values, np.float64)[chosen].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)
