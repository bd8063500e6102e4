"""``compiled``: numba's ahead-of-call compiler with the settings of this package, typed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """The function as machine code: releases the GIL, kept on disk between processes."""
    return cast("F", numba.njit(cache=True, nogil=True, fastmath=True)(function))
