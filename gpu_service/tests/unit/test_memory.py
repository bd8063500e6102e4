from __future__ import annotations

import platform

from avatar_gpu.memory import share_arenas


def test_arenas_are_shared_where_the_c_library_can() -> None:
    assert share_arenas() is (platform.libc_ver()[0] == "glibc")
