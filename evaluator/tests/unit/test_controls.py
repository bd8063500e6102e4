"""The mutation check: every seeded fault is seen by the metric that should see it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scripted_face import ScriptedFace, talking_video
from synthetic_face import speech_like
from synthetic_video import Recipe, make_video

from avatar_evaluator.avsync import clip
from avatar_evaluator.avsync.features import features
from avatar_evaluator.avsync.model import fit
from avatar_evaluator.controls import FAULTS, Control, missed, run_controls
from avatar_evaluator.media import AudioStream, read_media
from avatar_evaluator.metrics import METRICS
from avatar_evaluator.observation import observe
from avatar_evaluator.recording import Recording

NOT_PITCHED = {"another speaker"}
"""The synthetic sound is noise without a pitch; real speech tests this fault in every run."""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Control]:
    data, mouth = talking_video(20, 5.0)
    path = tmp_path_factory.mktemp("controls") / "good.mkv"
    path.write_bytes(data)
    provider = ScriptedFace(mouth)
    pairs = []
    for seed in range(6):
        lips, samples = speech_like(seed, 8.0)
        audio = AudioStream("pcm", 16_000, samples[:, None], 0.0, 8.0)
        pair = features(np.arange(len(lips)) / 25, lips, audio)
        assert pair is not None
        pairs.append(pair)
    model = fit(pairs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clip, "shipped_model", lambda: model)
        recording = Recording(path, read_media(path), face=observe(path, provider))
        return {control.fault: control for control in run_controls(recording, provider)}


@pytest.mark.parametrize("fault", [fault.name for fault in FAULTS if fault.name not in NOT_PITCHED])
def test_the_fault_is_caught(outcomes: dict[str, Control], fault: str) -> None:
    assert outcomes[fault].outcome == "caught", outcomes[fault]


def test_what_has_no_value_before_is_skipped_with_the_reason(outcomes: dict[str, Control]) -> None:
    assert outcomes["another speaker"].outcome == "skipped"
    assert outcomes["another speaker"].reason == "less than half a second of voice"


def test_without_a_face_the_faults_of_the_picture_are_skipped_not_passed(tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(make_video(Recipe()))
    found = {c.fault: c for c in run_controls(Recording(path, read_media(path)), None)}
    assert found["blur"].outcome == found["sound 80 ms late"].outcome == "skipped"
    assert found["dropped frames"].outcome == "caught"
    assert missed(found.values()) == []


def test_every_fault_names_a_metric_that_exists() -> None:
    assert {fault.metric for fault in FAULTS} <= set(METRICS)
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 12


def test_a_metric_that_does_not_see_its_fault_is_reported_as_missed(outcomes: dict[str, Control]) -> None:
    blind = outcomes["blur"].model_copy(update={"outcome": "missed"})
    assert missed([*outcomes.values(), blind]) == [blind]
