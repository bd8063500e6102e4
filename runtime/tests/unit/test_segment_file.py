"""A segment on the disk is whole or absent."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_gpu import performance

from avatar_contracts.performance import PerformanceRequest
from avatar_contracts.problems import StreamBroken
from avatar_contracts.speech import SpeechRequest
from avatar_runtime.segment_file import SegmentRecorder, is_complete, read_segment

REQUEST = PerformanceRequest.model_validate(
    {
        "speech": SpeechRequest(text="Hello there.", language="en"),
        "portrait": "0" * 64,
        "render": {"size_px": 128},
    }
)


def record(path: Path) -> list[object]:
    events = list(performance(REQUEST))
    with SegmentRecorder(path) as recorder:
        for event in events:
            recorder.write(event)
        assert not path.exists()
        recorder.publish()
    return list(events)


def test_what_was_recorded_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "segments" / "0000.events"
    recorded = record(path)
    assert list(read_segment(path)) == recorded
    assert is_complete(path)
    assert list(path.parent.iterdir()) == [path]


def test_an_interrupted_recording_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "0000.events"
    with SegmentRecorder(path) as recorder:
        recorder.write(next(performance(REQUEST)))
    assert list(tmp_path.iterdir()) == []
    assert not is_complete(path)


@pytest.mark.parametrize("keep", [0, 10, -1])
def test_a_damaged_file_is_not_complete(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "0000.events"
    record(path)
    path.write_bytes(path.read_bytes()[:keep])
    assert not is_complete(path)
    with pytest.raises(StreamBroken):
        list(read_segment(path))
