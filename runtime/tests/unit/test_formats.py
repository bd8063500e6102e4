"""File formats are told by their first bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_contracts.problems import AudioUnreadable, ImageUnreadable
from avatar_runtime.formats import audio_format, image_format
from avatar_runtime.library import Kind, sniff


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n\x00", "image/png"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"\x00\x00\x00\x18ftypheic", "image/heic"),
    ],
)
def test_an_image_is_known_and_is_no_recording(head: bytes, media_type: str) -> None:
    found = image_format(head)
    assert found is not None
    assert found.media_type == media_type
    assert audio_format(head) is None


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "audio/wav"),
        (b"fLaC\x00", "audio/flac"),
        (b"OggS\x00", "audio/ogg"),
        (b"ID3\x04", "audio/mpeg"),
        (b"\x00\x00\x00\x20ftypM4A ", "audio/mp4"),
    ],
)
def test_a_recording_is_known_and_is_no_image(head: bytes, media_type: str) -> None:
    found = audio_format(head)
    assert found is not None
    assert found.media_type == media_type
    assert image_format(head) is None


@given(st.text(alphabet=st.characters(codec="utf-8", categories=["Ll", "Lo", "Zs"]), max_size=30))
def test_text_is_neither(text: str) -> None:
    with pytest.raises(ImageUnreadable):
        sniff(Kind.PORTRAIT, text.encode())
    with pytest.raises(AudioUnreadable):
        sniff(Kind.VOICE, text.encode())


def test_the_refusal_says_what_the_file_is() -> None:
    with pytest.raises(ImageUnreadable, match="is text"):
        sniff(Kind.PORTRAIT, b"Dear diary")
    with pytest.raises(AudioUnreadable, match="is empty"):
        sniff(Kind.VOICE, b"")
