"""Keeps the process small: threads share memory arenas."""

from __future__ import annotations

import ctypes
import platform

ARENAS = 2
_M_ARENA_MAX = -8
"""``malloc.h`` of the GNU C library."""


def share_arenas() -> bool:
    """Limits the GNU C library to two arenas; whether that took effect.

    By default each thread may open an arena of its own, and pages freed in one are not used by the others:
    with three threads for each task and large frames that held 160 MB for nothing. Other C libraries are
    left alone. The setting only concerns arenas that are opened later.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    return bool(ctypes.CDLL(None).mallopt(_M_ARENA_MAX, ARENAS))
