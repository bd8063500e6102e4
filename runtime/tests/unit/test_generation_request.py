"""What a caller may write."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from avatar_contracts.performance import FrameRate
from avatar_runtime.generation import GenerateRequest, parse_frame_rate, request_from_form, seed_of

MINIMAL = {"text": "Hello from GPU acceleration!", "language": "en"}


@pytest.mark.parametrize(
    ("value", "rate"),
    [
        (25, (25, 1)),
        ("30", (30, 1)),
        ("30000/1001", (30_000, 1001)),
        (29.97, (30_000, 1001)),
        ("23.976", (24_000, 1001)),
        (59.94, (60_000, 1001)),
        (12.5, (25, 2)),
    ],
)
def test_a_frame_rate_is_exact(value: Any, rate: tuple[int, int]) -> None:
    assert parse_frame_rate(value) == FrameRate(num=rate[0], den=rate[1])


@pytest.mark.parametrize(
    "value", [0, -25, 121, "1/0", "fast", None, True, [], "1e9", "nan", float("inf"), 25.12345]
)
def test_what_is_no_frame_rate_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"frames per second|exact form"):
        parse_frame_rate(value)


@pytest.mark.parametrize(
    ("written", "tag"), [("en", "en"), ("zh", "zh"), ("zh-cn", "zh-CN"), ("es", "es"), ("es_mx", "es-MX")]
)
def test_languages_may_be_written_as_people_write_them(written: str, tag: str) -> None:
    assert GenerateRequest.model_validate({**MINIMAL, "language": written}).language == tag


@pytest.mark.parametrize(
    "change",
    [
        {"resolutoin": 512},
        {"size_px": 511},
        {"size_px": 64},
        {"size_px": 2000},
        {"speed": 9},
        {"seed": -1},
        {"emotion": "bored"},
        {"engines": {"audio": "x"}},
        {"language": "12"},
        {"text": None},
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        GenerateRequest.model_validate({**MINIMAL, **change})


def test_a_form_gives_the_same_request_as_json() -> None:
    json = {
        **MINIMAL,
        "size_px": 256,
        "fps": "30000/1001",
        "speed": 1.5,
        "async": True,
        "engines": {"speech": "e"},
    }
    form = {**{name: str(value) for name, value in json.items()}, "async": "true", "voice": ""}
    del form["engines"]
    form["engines.speech"] = "e"
    assert request_from_form(form) == GenerateRequest.model_validate(json)
    assert request_from_form({**MINIMAL, "engines": '{"speech": "e"}'}).engines.speech == "e"


def test_without_a_seed_the_text_decides_how_the_face_moves() -> None:
    assert seed_of("One.") == seed_of("One.")
    assert seed_of("One.") != seed_of("Two.")
    assert 0 <= seed_of("三") < 2**31
