"""What this evaluator does not measure yet: listed in every report, so that silence is never a pass."""

from __future__ import annotations

from avatar_evaluator.recording import Recording
from avatar_evaluator.score import Score

NOT_BUILT: dict[str, str] = {
    "voice.speaker_similarity": "needs a speaker embedding, whose package (resemblyzer) needs torch",
    "speech.language": "needs spoken-language identification",
    "speech.error_rate": "needs speech recognition",
    "sync.closures": "needs mouth landmarks and phone times",
}
"""Name → what it needs."""


def not_built(name: str, recording: Recording) -> Score:
    """Never a value."""
    del recording
    return Score.missing(f"not measured by this version: {NOT_BUILT[name]}")
