"""Gates: what a score must be for a run to pass, as data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

import yaml
from pydantic import ValidationError, model_validator

from avatar_contracts.model import Reply, Request
from avatar_evaluator.metrics import METRICS
from avatar_evaluator.score import Score, Value

Outcome = Literal["pass", "fail", "skipped"]


class GatesUnreadable(Exception):
    """The file of gates is missing or does not have the right form."""


class Gate(Request):
    """One rule about one metric. ``min`` and ``max`` are inclusive, ``abs_max`` bounds the magnitude."""

    metric: str
    min: float | None = None
    max: float | None = None
    abs_max: float | None = None
    equals: Value | None = None
    required: bool = True
    """Whether a metric that gave no value fails the gate; else the gate is skipped."""

    @model_validator(mode="after")
    def _known_and_not_empty(self) -> Gate:
        if self.metric not in METRICS:
            raise ValueError(f"there is no metric {self.metric!r}")
        if self.rule() == "":
            raise ValueError("write at least one of min, max, abs_max, equals")
        return self

    def rule(self) -> str:
        """The rule in one line, for people."""
        parts = {"≥": self.min, "≤": self.max, "|x| ≤": self.abs_max, "=": self.equals}
        return " and ".join(f"{sign} {value}" for sign, value in parts.items() if value is not None)

    def holds(self, value: Value) -> bool:
        """Whether ``value`` satisfies the rule."""
        if self.equals is not None and value != self.equals:
            return False
        if isinstance(value, str):
            return self.equals is not None
        return (
            (self.min is None or value >= self.min)
            and (self.max is None or value <= self.max)
            and (self.abs_max is None or abs(value) <= self.abs_max)
        )


class Verdict(Reply):
    """What a gate said of one scenario's score."""

    metric: str
    rule: str
    observed: Value | None
    outcome: Outcome
    reason: str | None = None


def load_gates(path: Path) -> tuple[Gate, ...]:
    """The gates in a YAML list.

    Raises:
        GatesUnreadable: the message names the fault.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        return tuple(Gate.model_validate(entry) for entry in document)
    except (OSError, yaml.YAMLError, UnicodeDecodeError, TypeError) as error:
        raise GatesUnreadable(f"{path}: not readable as a YAML list") from error
    except ValidationError as error:
        raise GatesUnreadable(f"{path}: {error.errors()[0]['msg']}") from error


def judge(gates: Iterable[Gate], scores: Mapping[str, Score]) -> tuple[Verdict, ...]:
    """Each gate's verdict about the scores of one recording."""
    return tuple(_verdict(gate, scores[gate.metric]) for gate in gates)


def _verdict(gate: Gate, score: Score) -> Verdict:
    outcome: Outcome
    if score.status == "error":
        outcome = "fail"
    elif score.value is None:
        outcome = "fail" if gate.required else "skipped"
    else:
        outcome = "pass" if gate.holds(score.value) else "fail"
    return Verdict(
        metric=gate.metric, rule=gate.rule(), observed=score.value, outcome=outcome, reason=score.reason
    )
