"""Which frame of one recording stands for each frame of another: mapping, alignment, best path."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from avatar_gpu.voice.features import distances

STAY_COST = 0.4
SKIP_COST = 0.2
END_COST = 2.0
"""For each frame by which an alignment misses the beginning or the end."""
NEVER = 1e8
ROUNDS = 8
RIDGE = 0.05
MOST_FRAMES = 2_500
"""The mapping is learnt from at most this many frames of each side, evenly chosen."""

_STAY, _NEXT, _SKIP, _JUMP = range(4)


def best_path(costs: NDArray[np.float32], follows: NDArray[np.bool_], jump_cost: float) -> NDArray[np.int64]:
    """(T,) index of the chosen frame for each row of ``costs`` (T, N).

    The next frame is free, staying and skipping one cost a little, any other costs ``jump_cost``; exact, by
    dynamic programming in O(T·N). ``follows[n]`` says that frame n was recorded right after frame n-1.
    """
    steps, count = costs.shape
    if steps == 0:
        return np.zeros(0, np.int64)
    barrier = np.where(follows, 0, np.float32(1e9)).astype(np.float32)
    skip_barrier = np.maximum(barrier, np.concatenate([[np.float32(1e9)], barrier[:-1]]))
    total = costs[0].copy()
    moves = np.zeros((steps, count), np.int8)
    jumps = np.zeros(steps, np.int64)
    following = np.empty(count, np.float32)
    skipping = np.empty(count, np.float32)
    for step in range(1, steps):
        jumps[step] = int(total.argmin())
        following[0] = 1e9
        np.add(total[:-1], barrier[1:], out=following[1:])
        skipping[:2] = 1e9
        np.add(total[:-2], skip_barrier[2:] + SKIP_COST, out=skipping[2:])
        best = total + STAY_COST
        move = moves[step]
        for cost, code in (
            (following, _NEXT),
            (skipping, _SKIP),
            (total[jumps[step]] + np.float32(jump_cost), _JUMP),
        ):
            better = cost < best
            move[better] = code
            best = np.minimum(best, cost)
        total = best + costs[step]
    path = np.zeros(steps, np.int64)
    path[-1] = int(total.argmin())
    for step in range(steps - 1, 0, -1):
        here = path[step]
        move_code = moves[step, here]
        path[step - 1] = jumps[step] if move_code == _JUMP else here - (0, 1, 2)[move_code]
    return path


def monotone_path(costs: NDArray[np.float32]) -> NDArray[np.int64]:
    """(T,) index for each row of ``costs`` (T, N), from the first column to the last without ever going back.

    A row moves on by at most two columns, so N may be at most 2·T for an answer that reaches the end.
    """
    bounded = costs.copy()
    bounded[:1] += END_COST * np.arange(costs.shape[1], dtype=np.float32)
    bounded[-1:] += END_COST * np.arange(costs.shape[1], dtype=np.float32)[::-1]
    return best_path(bounded, np.ones(costs.shape[1], bool), NEVER)


def ridge_towards_identity(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
    """(D + 1, D) affine map that takes rows of ``x`` near rows of ``y`` and is drawn to the identity."""
    size = x.shape[1]
    extended = np.concatenate([x, np.ones((len(x), 1), np.float32)], axis=1).astype(np.float64)
    start = np.concatenate([np.eye(size), np.zeros((1, size))])
    weight = RIDGE * len(x)
    gram = extended.T @ extended + weight * np.eye(size + 1)
    return np.linalg.solve(gram, extended.T @ y + weight * start).astype(np.float32)


def apply_map(affine: NDArray[np.float32], x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of ``x`` through the affine map."""
    return np.asarray(x @ affine[:-1] + affine[-1])


def learn_map(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
    """The affine map from ``x`` to ``y`` without parallel speech; the identity where either is empty.

    INCA (D. Erro, A. Moreno, A. Bonafonte, 2010): pair nearest neighbours in both directions, fit, repeat.
    """
    x, y = _thinned(x), _thinned(y)
    affine = np.concatenate([np.eye(x.shape[1], dtype=np.float32), np.zeros((1, x.shape[1]), np.float32)])
    if not len(x) or not len(y):
        return affine
    for _ in range(ROUNDS):
        between = distances(apply_map(affine, x), y)
        to_y, to_x = between.argmin(axis=1), between.argmin(axis=0)
        affine = ridge_towards_identity(np.concatenate([x, x[to_x]]), np.concatenate([y[to_y], y]))
    return affine


def _thinned(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    step = max(1, -(-len(rows) // MOST_FRAMES))
    return rows[::step]
