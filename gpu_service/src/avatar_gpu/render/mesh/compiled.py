"""``compiled``: numba's ahead-of-call compiler with the settings of this package, typed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """The function as machine code: releases the GIL, kept on disk where a place can be written."""
    options = {"nogil": True, "fastmath": True}
    try:
        return cast("F", numba.njit(cache=True, **options)(function))
    except RuntimeError:
        # Neither this folder nor NUMBA_CACHE_DIR nor the home folder can be written: compile in each process.
        return cast("F", numba.njit(**options)(function))
