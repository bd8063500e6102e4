"""The process that holds eSpeak NG: ``python -m avatar_gpu.speech.espeak.worker``.

eSpeak NG's library is GPL-3.0-or-later, keeps its state in globals and is not thread-safe. It is loaded
here and nowhere else; the rest of the product talks to this process over pipes. Only the standard library
and msgpack are imported, so that a worker stays under 30 MB.

Sources: ``espeak-ng/speak_lib.h`` (structure layouts and constants). Phone events exist only in the
``espeak_*`` API; the newer ``espeak_ng_*`` one cannot switch them on.
"""

from __future__ import annotations

import _ctypes
import ctypes
import sys
from pathlib import Path
from typing import Any

import espeakng_loader

from avatar_gpu.speech.wire import serve

AUDIO_OUTPUT_SYNCHRONOUS = 2
INITIALIZE_PHONEME_EVENTS = 0x0001
INITIALIZE_PHONEME_IPA = 0x0002
INITIALIZE_DONT_EXIT = 0x8000
CHARS_UTF8 = 1
SSML = 0x10
POS_CHARACTER = 1
PARAMETER_RATE, PARAMETER_PITCH, PARAMETER_RANGE = 1, 3, 4
EVENT_LIST_END, EVENT_WORD, EVENT_SENTENCE, EVENT_PHONEME = 0, 1, 2, 7
OLDEST_FOR_MANDARIN = (1, 52)
"""Versions before 1.52 speak the tone digits of Mandarin's pinyin aloud (espeak-ng issue 1370)."""


CAN_UNLOAD = sys.platform != "win32"
NOISE_SEED = 1


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


_SynthCallback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


class LibraryTooOld(Exception):
    """The library is older than a language needs."""


class VoiceUnknown(Exception):
    """The library has no voice file of this name."""


class Library:
    """eSpeak NG, loaded once in this process."""

    def __init__(self, library: str, data: str) -> None:
        self._lib = ctypes.CDLL(library)
        self._declare()
        self.version = self._lib.espeak_Info(None).decode()
        options = INITIALIZE_PHONEME_EVENTS | INITIALIZE_PHONEME_IPA | INITIALIZE_DONT_EXIT
        parent = str(Path(data).parent).encode()
        self.sample_rate_hz = int(self._lib.espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, 0, parent, options))
        if self.sample_rate_hz <= 0:
            raise RuntimeError("eSpeak NG did not start: its data folder is missing or broken")
        self._pcm = bytearray()
        self._events: list[tuple[int, int, int, int, str]] = []
        self._callback = _SynthCallback(self._collect)
        self._lib.espeak_SetSynthCallback(self._callback)

    def describe(self) -> dict[str, Any]:
        """Version, sample rate and the voices: identifier → language tags, best first."""
        listed = self._lib.espeak_ListVoices(None)
        voices: dict[str, list[str]] = {}
        index = 0
        while listed[index]:
            voice = listed[index].contents
            voices[voice.identifier.decode()] = _language_tags(voice.languages)
            index += 1
        return {"version": self.version, "sample_rate_hz": self.sample_rate_hz, "voices": voices}

    def speak(self, markup: str, voice: str, rate: int, pitch: int, pitch_range: int) -> dict[str, Any]:
        """PCM and events of ``markup`` (SSML). Event positions count characters of ``markup`` from 0.

        Raises:
            VoiceUnknown: no voice file is called ``voice``.
            LibraryTooOld: the library would misread Mandarin.
        """
        numbers = tuple(int(part) for part in self.version.split()[0].split(".")[:2])
        if voice.startswith("sit/cmn") and numbers < OLDEST_FOR_MANDARIN:
            raise LibraryTooOld(f"eSpeak NG {self.version} misreads Mandarin; 1.52 or newer is needed")
        if self._lib.espeak_SetVoiceByName(voice.encode()) != 0:
            raise VoiceUnknown(voice)
        for parameter, value in (
            (PARAMETER_RATE, rate),
            (PARAMETER_PITCH, pitch),
            (PARAMETER_RANGE, pitch_range),
        ):
            self._lib.espeak_SetParameter(parameter, value, 0)
        self._pcm.clear()
        self._events.clear()
        text = markup.encode() + b"\0"
        status = self._lib.espeak_Synth(text, len(text), 0, POS_CHARACTER, 0, CHARS_UTF8 | SSML, None, None)
        if status != 0:
            raise RuntimeError(f"eSpeak NG refused the text with status {status}")
        return {
            "sample_rate_hz": self.sample_rate_hz,
            "pcm": bytes(self._pcm),
            "events": list(self._events),
        }

    def unload(self) -> None:
        """Takes the library out of this process; the object is of no use afterwards."""
        self._lib.espeak_Terminate()
        _ctypes.dlclose(self._lib._handle)

    def _declare(self) -> None:
        lib = self._lib
        lib.espeak_Info.restype = ctypes.c_char_p
        lib.espeak_Info.argtypes = [ctypes.c_void_p]
        lib.espeak_Initialize.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int]
        lib.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
        lib.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        lib.espeak_ListVoices.argtypes = [ctypes.c_void_p]
        lib.espeak_Synth.argtypes = [
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.c_uint,
            ctypes.c_int,
            ctypes.c_uint,
            ctypes.c_uint,
            ctypes.POINTER(ctypes.c_uint),
            ctypes.c_void_p,
        ]

    def _collect(self, samples: Any, count: int, events: Any) -> int:
        if samples and count > 0:
            self._pcm += ctypes.string_at(samples, 2 * count)
        index = 0
        while events[index].type != EVENT_LIST_END:
            event = events[index]
            if event.type in (EVENT_WORD, EVENT_SENTENCE, EVENT_PHONEME):
                text = _phone_text(event) if event.type == EVENT_PHONEME else ""
                self._events.append(
                    (event.type, event.sample, max(event.text_position - 1, 0), event.length, text)
                )
            index += 1
        return 0


def _phone_text(event: Any) -> str:
    """The event's 8 bytes up to the first NUL; a full field carries none."""
    raw = ctypes.string_at(ctypes.addressof(event.id), 8)
    return raw.split(b"\0", 1)[0].decode("utf-8", "ignore")


def _language_tags(address: int) -> list[str]:
    """eSpeak's list of (priority byte, tag, NUL)…, ended by a zero priority; lowest priority first."""
    found: list[tuple[int, str]] = []
    while (priority := ctypes.string_at(address, 1)[0]) != 0:
        tag = ctypes.string_at(address + 1)
        found.append((priority, tag.decode()))
        address += len(tag) + 2
    return [tag for _, tag in sorted(found, key=lambda item: item[0])]


class Synthesiser:
    """The library, loaded anew for each text: its flutter and noise start from the same state, so that the
    same text gives the same samples whatever was spoken before. Loading takes 0.3 ms.
    """

    def __init__(self) -> None:
        self._paths = (espeakng_loader.get_library_path(), espeakng_loader.get_data_path())
        self._library: Library | None = None

    def describe(self) -> dict[str, Any]:
        """See ``Library.describe``."""
        return self._fresh().describe()

    def speak(self, **arguments: Any) -> dict[str, Any]:
        """See ``Library.speak``."""
        return self._fresh().speak(**arguments)

    def _fresh(self) -> Library:
        if self._library is not None and not CAN_UNLOAD:
            return self._library
        if self._library is not None:
            self._library.unload()
        self._library = Library(*self._paths)
        if CAN_UNLOAD:
            ctypes.CDLL(None).srand(NOISE_SEED)
        return self._library


def main() -> None:
    """Serves until the parent closes the pipe."""
    synthesiser = Synthesiser()
    serve({"describe": synthesiser.describe, "speak": synthesiser.speak})


if __name__ == "__main__":
    main()
