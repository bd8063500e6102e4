"""Scenarios: what is asked of the runtime, as data."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, StringConstraints, ValidationError

from avatar_contracts.languages import LanguageTag
from avatar_contracts.model import Request

ScenarioId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]


class Scenario(Request):
    """One video to ask for. ``options`` go into the request as they are (``seed``, ``size_px``, …)."""

    id: ScenarioId
    language: LanguageTag
    text: str = Field(min_length=1)
    tags: tuple[str, ...] = ()
    reference_image: str | None = None
    voice: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    limit_s: float = Field(default=300.0, gt=0, description="longest wait for the finished video")

    def body(self) -> dict[str, Any]:
        """The request of ``POST /api/v1/generate``."""
        named = {"reference_image": self.reference_image, "voice": self.voice}
        return {
            "text": self.text,
            "language": self.language,
            **{name: value for name, value in named.items() if value is not None},
            **self.options,
        }


class ScenarioUnreadable(Exception):
    """A scenario file is missing or does not have the right form; the message names file and fault."""


def load_scenarios(folder: Path, *, tags: Collection[str] = (), ids: Collection[str] = ()) -> list[Scenario]:
    """The scenarios in ``folder``'s YAML files, by id; each file holds one scenario or a list of them.

    ``tags`` keeps those that have every tag, ``ids`` those that are named.

    Raises:
        ScenarioUnreadable: no such folder, broken YAML, a wrong field, an id that is twice there or unknown.
    """
    if not folder.is_dir():
        raise ScenarioUnreadable(f"there is no folder of scenarios at {folder}")
    found: dict[str, Scenario] = {}
    for path in sorted(folder.glob("*.yaml")):
        for scenario in _read(path):
            if scenario.id in found:
                raise ScenarioUnreadable(f"{path}: the id {scenario.id!r} is there twice")
            found[scenario.id] = scenario
    if unknown := sorted(set(ids) - set(found)):
        raise ScenarioUnreadable(f"there is no scenario {unknown[0]!r}; `list` shows what there is")
    return [s for s in _ordered(found) if set(tags) <= set(s.tags) and (not ids or s.id in ids)]


def _ordered(found: dict[str, Scenario]) -> Sequence[Scenario]:
    return [found[name] for name in sorted(found)]


def _read(path: Path) -> list[Scenario]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        entries = document if isinstance(document, list) else [document]
        return [Scenario.model_validate(entry) for entry in entries]
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ScenarioUnreadable(f"{path}: not readable as YAML in UTF-8") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ScenarioUnreadable(f"{path}: {where}: {first['msg']}") from error
