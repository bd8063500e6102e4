"""A failure keeps its class, status and detail across the wire."""

from __future__ import annotations

import pytest

from avatar_contracts.problems import (
    AvatarError,
    FaceTooSmall,
    InternalError,
    Problem,
    RemoteError,
    SeveralFaces,
)


@pytest.mark.parametrize("slug", sorted(AvatarError.by_slug))
def test_every_problem_makes_the_round_trip(slug: str) -> None:
    cls = AvatarError.by_slug[slug]
    sent = cls("Something a person can change.", retry_after_s=4, hint="x")
    document = Problem.model_validate_json(sent.problem("req-7").model_dump_json(exclude_none=True))
    received = AvatarError.from_problem(document)
    assert type(received) is cls
    assert received.detail == sent.detail
    assert received.retry_after_s == 4
    assert received.extensions == {"hint": "x"}
    assert (document.status, document.title, document.retryable) == (cls.status, cls.title, cls.retryable)
    assert document.request_id == "req-7"
    assert document.slug == slug


def test_an_unknown_problem_becomes_a_remote_error_that_keeps_what_it_said() -> None:
    document = Problem(type="urn:realtime-avatar:problem:from-the-future", title="T", status=418, detail="D")
    received = AvatarError.from_problem(document)
    assert type(received) is RemoteError
    assert received.detail == "D"
    assert received.extensions == {"remote_type": document.type, "remote_status": 418}


def test_a_foreign_problem_type_is_a_remote_error() -> None:
    received = AvatarError.from_problem(Problem(type="about:blank", title="T", status=502, detail="proxy"))
    assert type(received) is RemoteError


def test_two_classes_cannot_share_a_slug() -> None:
    with pytest.raises(TypeError, match="share the slug"):
        type("Another", (AvatarError,), {"slug": FaceTooSmall.slug})


def test_slugs_and_statuses_are_well_formed() -> None:
    for slug, cls in AvatarError.by_slug.items():
        assert slug == slug.lower()
        assert " " not in slug
        assert 400 <= cls.status <= 599, cls
        assert not cls.title.endswith(".")


def test_extensions_travel_beside_the_standard_members() -> None:
    document = SeveralFaces("Three faces.", faces=3).problem()
    assert document.model_dump(exclude_none=True) == {
        "type": "urn:realtime-avatar:problem:several-faces",
        "title": "The image shows more than one face",
        "status": 422,
        "detail": "Three faces.",
        "retryable": False,
        "faces": 3,
    }


def test_an_error_prints_its_detail() -> None:
    assert str(InternalError("The log of the service says more.")) == "The log of the service says more."
