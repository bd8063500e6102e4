"""What kind of file an upload is, told by its first bytes; the name and the content type prove nothing."""

from __future__ import annotations

from dataclasses import dataclass

SNIFF_BYTES = 64


@dataclass(frozen=True)
class FileFormat:
    """A container that the engines may be able to decode."""

    media_type: str
    extension: str


_IMAGES: tuple[tuple[bytes, int, FileFormat], ...] = (
    (b"\xff\xd8\xff", 0, FileFormat("image/jpeg", "jpg")),
    (b"\x89PNG\r\n\x1a\n", 0, FileFormat("image/png", "png")),
    (b"WEBP", 8, FileFormat("image/webp", "webp")),
    (b"GIF8", 0, FileFormat("image/gif", "gif")),
    (b"BM", 0, FileFormat("image/bmp", "bmp")),
    (b"II*\x00", 0, FileFormat("image/tiff", "tif")),
    (b"MM\x00*", 0, FileFormat("image/tiff", "tif")),
    (b"ftypheic", 4, FileFormat("image/heic", "heic")),
    (b"ftypheix", 4, FileFormat("image/heic", "heic")),
    (b"ftypmif1", 4, FileFormat("image/heif", "heif")),
    (b"ftypavif", 4, FileFormat("image/avif", "avif")),
)
_AUDIO: tuple[tuple[bytes, int, FileFormat], ...] = (
    (b"WAVE", 8, FileFormat("audio/wav", "wav")),
    (b"fLaC", 0, FileFormat("audio/flac", "flac")),
    (b"OggS", 0, FileFormat("audio/ogg", "ogg")),
    (b"ID3", 0, FileFormat("audio/mpeg", "mp3")),
    (b"\xff\xfb", 0, FileFormat("audio/mpeg", "mp3")),
    (b"\xff\xf3", 0, FileFormat("audio/mpeg", "mp3")),
    (b"\xff\xf2", 0, FileFormat("audio/mpeg", "mp3")),
    (b"\xff\xf1", 0, FileFormat("audio/aac", "aac")),
    (b"\xff\xf9", 0, FileFormat("audio/aac", "aac")),
    (b"AIFF", 8, FileFormat("audio/aiff", "aiff")),
    (b"AIFC", 8, FileFormat("audio/aiff", "aiff")),
    (b"#!AMR", 0, FileFormat("audio/amr", "amr")),
    (b"\x1aE\xdf\xa3", 0, FileFormat("video/webm", "webm")),
    (b"AVI ", 8, FileFormat("video/x-msvideo", "avi")),
    (b"ftyp", 4, FileFormat("audio/mp4", "m4a")),
)


def image_format(head: bytes) -> FileFormat | None:
    """The image format whose mark ``head`` carries, or None."""
    return _match(head, _IMAGES)


def audio_format(head: bytes) -> FileFormat | None:
    """The audio or video container whose mark ``head`` carries, or None."""
    if image_format(head) is not None:
        return None
    return _match(head, _AUDIO)


def _match(head: bytes, marks: tuple[tuple[bytes, int, FileFormat], ...]) -> FileFormat | None:
    for mark, offset, found in marks:
        if head[offset : offset + len(mark)] == mark:
            return found
    return None
