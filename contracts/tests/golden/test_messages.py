"""The wire does not change by accident: every message equals its golden document.

``messages/*.json`` hold what pydantic wrote, ``messages/*.msgpack`` one encoded stream event each; both were
written once, by contracts 0.1.0 with pydantic 2 and msgpack 1, and are only ever compared. A message may gain
an optional field: then its document here gains it too, by hand.
"""

from __future__ import annotations

import json
from pathlib import Path

import msgpack
import pytest
from pydantic import BaseModel, ValidationError

from avatar_contracts import enrolment, health, performance, problems, speech, timeline
from avatar_contracts.model import Reply, Request
from avatar_contracts.stream import EventDecoder, encode_event, performance_events, speech_events

HERE = Path(__file__).parent / "messages"
SHA = "0123456789abcdef" * 4
PHONES = (
    timeline.TimedPhone(start=0, end=1440, ipa="", stress=0),
    timeline.TimedPhone(start=1440, end=3360, ipa="tɕʰ", stress=2),
)
WORDS = (timeline.TimedWord(start=1440, end=3360, text="起", text_start=0, text_end=1),)
NOTICE = enrolment.Notice(code="noisy", detail="The recording is noisy; a quieter room helps.")
GPU = health.GpuHealth(status="ok", version="0.1.0", device="cpu", running=1, waiting=0, capacity=2)

MESSAGES: dict[str, BaseModel] = {
    "frame_rate": performance.FrameRate(num=30_000, den=1001),
    "motion_options": performance.MotionOptions(
        engine="phonetic", seed=7, expressiveness=0.25, head_motion=0.75, emotion="sad"
    ),
    "render_options": performance.RenderOptions(engine="mesh", size_px=720),
    "speech_request": speech.SpeechRequest(
        text="¿Qué tal?", language="es_mx", voice="narrator", engine="espeak", speed=1.25, likeness=0.75
    ),
    "performance_request": performance.PerformanceRequest(
        task_id="task-1",
        speech=speech.SpeechRequest(text="你好。", language="zh-cn", voice=SHA),
        portrait=SHA,
        motion=performance.MotionOptions(seed=3),
    ),
    "timed_phone": PHONES[1],
    "timed_word": WORDS[0],
    "notice": NOTICE,
    "voice_summary": enrolment.VoiceSummary(
        sha256=SHA,
        duration_s=6.5,
        speech_s=5.25,
        sample_rate_hz=44_100,
        f0_median_hz=None,
        snr_db=21.5,
        language="en",
        transcript="Hello.",
        warnings=(NOTICE,),
    ),
    "box": enrolment.Box(x=1.5, y=2.0, width=30.0, height=40.25),
    "head_pose": enrolment.HeadPose(yaw_deg=-3.5, pitch_deg=2.0, roll_deg=0.5),
    "portrait_summary": enrolment.PortraitSummary(
        sha256=SHA,
        width_px=512,
        height_px=640,
        face=enrolment.Box(x=100, y=80, width=200, height=240),
        pose=enrolment.HeadPose(yaw_deg=0, pitch_deg=1.5, roll_deg=-2),
        interocular_px=110.5,
        score=0.96875,
        warnings=(NOTICE,),
    ),
    "problem": problems.AtCapacity("Both places are taken.", retry_after_s=3).problem("req-1"),
    "engine_info": health.EngineInfo(
        name="espeak",
        capability="speech",
        available=True,
        loaded=True,
        licence="GPL-3.0-or-later (worker process)",
        description="eSpeak NG",
        languages=("en", "zh", "es"),
        voices=("narrator",),
    ),
    "engine_list": health.EngineList(
        engines=(
            health.EngineInfo(
                name="xtts",
                capability="speech",
                available=False,
                reason="install realtime-avatar-gpu[xtts]",
                licence="CPML",
                description="XTTS-v2",
            ),
        ),
        defaults={"speech": "espeak"},
    ),
    "gpu_health": GPU,
    "runtime_health": health.RuntimeHealth(
        status="ok", version="0.1.0", mode="local", gpu_service=GPU, jobs_queued=2, jobs_running=1
    ),
    "speech_started": speech.SpeechStarted(
        task_id="task-1", engine="espeak", language="zh-CN", sample_rate_hz=24_000, sentences=2
    ),
    "audio": speech.Audio(pts=48_000, pcm=b"\x00\x01\xff\x7f"),
    "phones": speech.Phones(phones=PHONES),
    "words": speech.Words(words=WORDS),
    "warned": speech.Warned(code="number-read-in-english", detail="‘42’ was read in English."),
    "speech_done": speech.SpeechDone(samples=96_000, timings_ms={"speak": 12.5}),
    "failed": speech.Failed(problem=problems.EngineFailed("A worker ended.").problem("req-1")),
    "performance_started": performance.PerformanceStarted(
        task_id="task-1",
        sample_rate_hz=24_000,
        frame_rate_num=25,
        frame_rate_den=1,
        width_px=512,
        height_px=512,
        codec_config=b"\x00\x00\x00\x01\x67\x42",
        engines={"speech": "espeak", "motion": "phonetic", "render": "mesh"},
    ),
    "video": performance.Video(pts=12, keyframe=True, data=b"\x00\x00\x00\x01\x65\x88"),
    "progress": performance.Progress(fraction=0.5, sentence=1, sentences=2),
    "performance_done": performance.PerformanceDone(samples=96_000, frames=100, timings_ms={"render": 350.5}),
}  # fmt: skip
SPEECH_EVENTS = ("speech_started", "audio", "phones", "words", "warned", "speech_done", "failed")
PERFORMANCE_EVENTS = (
    *("performance_started", "audio", "phones", "words", "warned"),
    *("video", "progress", "performance_done", "failed"),
)
MEDIA = ("audio", "video", "performance_started")
REQUESTS = tuple(name for name, message in MESSAGES.items() if isinstance(message, Request))


def golden_json(name: str) -> str:
    return (HERE / f"{name}.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_equals_its_golden_json(name: str) -> None:
    assert json.loads(MESSAGES[name].model_dump_json()) == json.loads(golden_json(name))


@pytest.mark.parametrize("name", [name for name in MESSAGES if name not in MEDIA])
def test_the_golden_json_is_read_back_as_the_message(name: str) -> None:
    message = MESSAGES[name]
    assert type(message).model_validate_json(golden_json(name)) == message


@pytest.mark.parametrize("name", dict.fromkeys(SPEECH_EVENTS + PERFORMANCE_EVENTS))
def test_an_event_equals_its_golden_bytes(name: str) -> None:
    golden = (HERE / f"{name}.msgpack").read_bytes()
    assert msgpack.unpackb(encode_event(MESSAGES[name])) == msgpack.unpackb(golden)
    assert encode_event(MESSAGES[name]) == golden


@pytest.mark.parametrize("name", SPEECH_EVENTS)
def test_golden_bytes_are_decoded_as_the_speech_event(name: str) -> None:
    decoder = EventDecoder(speech_events)
    assert list(decoder.feed((HERE / f"{name}.msgpack").read_bytes())) == [MESSAGES[name]]
    decoder.close()


@pytest.mark.parametrize("name", PERFORMANCE_EVENTS)
def test_golden_bytes_are_decoded_as_the_performance_event(name: str) -> None:
    decoder = EventDecoder(performance_events)
    assert list(decoder.feed((HERE / f"{name}.msgpack").read_bytes())) == [MESSAGES[name]]
    decoder.close()


@pytest.mark.parametrize("name", MESSAGES)
def test_requests_refuse_an_unknown_field_and_replies_ignore_it(name: str) -> None:
    fields = MESSAGES[name].model_dump() | {"from_the_future": 1}
    if name in REQUESTS:
        with pytest.raises(ValidationError, match="from_the_future"):
            type(MESSAGES[name]).model_validate(fields)
    else:
        again = type(MESSAGES[name]).model_validate(fields)
        known = {k: v for k, v in again.model_dump().items() if k != "from_the_future"}
        assert known == MESSAGES[name].model_dump()


def test_every_message_of_the_contracts_has_a_golden_document() -> None:
    modules = (enrolment, health, performance, speech, timeline)
    classes = {
        cls
        for module in modules
        for cls in vars(module).values()
        if isinstance(cls, type) and issubclass(cls, Request | Reply) and cls not in {Request, Reply}
    }
    assert classes - {type(m) for m in MESSAGES.values()} == set()


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("speech_request", "text", ""),
        ("speech_request", "text", "x" * 5001),
        ("speech_request", "language", "not a language"),
        ("speech_request", "voice", "../secret"),
        ("speech_request", "speed", 3.0),
        ("performance_request", "portrait", "ABC"),
        ("performance_request", "task_id", "a/b"),
        ("performance_request", "lead_in_ms", -1),
        ("render_options", "size_px", 511),
        ("render_options", "size_px", 64),
        ("render_options", "framing", "half"),
        ("frame_rate", "den", 0),
        ("motion_options", "emotion", "hungry"),
        ("motion_options", "expressiveness", float("nan")),
        ("timed_phone", "stress", 3),
        ("video", "pts", -1),
    ],
)
def test_a_value_outside_its_limits_is_refused(name: str, field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        type(MESSAGES[name]).model_validate(MESSAGES[name].model_dump() | {field: value})
