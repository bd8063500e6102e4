"""Names that cannot harm, whatever a caller invents."""

from __future__ import annotations

import unicodedata
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_contracts.problems import NameUnsafe
from avatar_runtime.names import MAX_NAME_BYTES, safe_name, stem

TRICKS = (
    "", ".", "..", "../x", "..\\x", "/etc/passwd", "C:\\x", "a/b", "a\\b", "a\0b", "a\nb", ".hidden", "-rf",
    "x.", " x", "x ", "a:b", "a*b", "a?b", "%2e%2e", "a\u202egpj.exe", "a\u200bb", "ａ.png", "e\u0301.png",
    "﹒﹒", "x" * (MAX_NAME_BYTES + 1), "\ud800", "a|b", "~root", "$HOME", "`id`", "a;b", "\ufeffa",
)  # fmt: skip


@pytest.mark.parametrize("name", TRICKS)
def test_a_trick_is_refused(name: str) -> None:
    with pytest.raises(NameUnsafe):
        safe_name(name)


@pytest.mark.parametrize(
    "name", ["astronaut.png", "María (2).wav", "照片.jpg", "a_b-c.d+e, f&g's.wav", "नमस्ते.wav"]
)
def test_a_plain_name_stays_as_it_is(name: str) -> None:
    assert safe_name(name) == name


@given(st.text(max_size=40))
def test_whatever_is_allowed_is_one_plain_component(name: str) -> None:
    try:
        allowed = safe_name(name)
    except NameUnsafe:
        return
    for parts in (PurePosixPath(allowed).parts, PureWindowsPath(allowed).parts):
        assert parts == (allowed,)
    assert allowed not in {".", ".."}
    assert all(unicodedata.category(character)[0] not in "CZ" or character == " " for character in allowed)
    assert unicodedata.normalize("NFKC", allowed) == allowed


def test_the_stem_is_the_name_without_its_last_extension() -> None:
    assert [stem(name) for name in ("a.wav", "a.es.wav", "a", ".wav", "a.")] == [
        "a",
        "a.es",
        "a",
        ".wav",
        "a.",
    ]
