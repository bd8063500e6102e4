"""Scripts become segments of whole sentences."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_contracts.problems import TextEmpty, TextTooLong
from avatar_contracts.speech import MAX_SPEECH_CHARS
from avatar_runtime.jobs import JobSpec
from avatar_runtime.planning import (
    INNER_LEAD_IN_MS,
    INNER_TAIL_MS,
    LEAD_IN_MS,
    SEGMENT_WEIGHT,
    TAIL_MS,
    clean_script,
    performance_request,
    plan_script,
)

SENTENCE = "The quick brown fox jumps over the lazy dog. "


@pytest.mark.parametrize("text", ["", "   \n\t", "\x00\x01", "... !? ¿", "🙂"])
def test_a_script_without_a_word_is_empty(text: str) -> None:
    with pytest.raises(TextEmpty):
        clean_script(text, max_chars=100)


def test_a_script_above_the_limit_is_refused_with_both_numbers() -> None:
    with pytest.raises(TextTooLong, match="100000 characters; the limit is 40000"):
        clean_script("a" * 100_000, max_chars=40_000)


def test_control_characters_are_left_out() -> None:
    assert clean_script(" Hello\x00world\x1b\n", max_chars=100) == "Hello world"


def test_a_short_script_is_one_segment() -> None:
    plan = plan_script("Hello. How are you?", "en")
    assert [segment.text for segment in plan.segments] == ["Hello. How are you?"]


def test_a_long_script_is_cut_between_sentences() -> None:
    text = SENTENCE * 100
    plan = plan_script(text, "en")
    assert len(plan.segments) == -(-100 // (SEGMENT_WEIGHT // len(SENTENCE.strip())))
    assert all(segment.text.endswith("dog.") for segment in plan.segments)
    assert all(text[segment.start : segment.end] == segment.text for segment in plan.segments)


def test_chinese_weighs_more_than_letters() -> None:
    assert len(plan_script("我们今天去公园散步。" * 100, "zh").segments) == 3


@given(st.text(alphabet=st.sampled_from("ab .!?\n我。，,"), max_size=4000), st.integers(50, 2000))
def test_no_word_is_lost_and_no_segment_is_too_long_for_the_service(text: str, weight: int) -> None:
    try:
        plan = plan_script(text, "en", segment_weight=weight)
    except TextEmpty:
        assert not any(character.isalnum() for character in text)
        return
    joined = "".join(segment.text for segment in plan.segments)
    assert [c for c in joined if c.isalnum()] == [c for c in text if c.isalnum()]
    assert all(len(segment.text) <= MAX_SPEECH_CHARS for segment in plan.segments)
    assert [segment.index for segment in plan.segments] == list(range(len(plan.segments)))


def test_each_segment_moves_differently_and_always_the_same() -> None:
    spec = JobSpec(text=SENTENCE * 100, language="en", portrait="0" * 64, voice=None)
    plan = plan_script(spec.text, spec.language)
    first = [performance_request(spec, plan, s, "t").motion.seed for s in plan.segments]
    second = [performance_request(spec, plan, s, "t").motion.seed for s in plan.segments]
    assert first == second
    assert len(set(first)) == len(first)
    assert first[0] == spec.motion.seed


def test_only_the_ends_of_the_film_have_the_long_pauses() -> None:
    spec = JobSpec(text=SENTENCE * 100, language="en", portrait="0" * 64, voice=None)
    plan = plan_script(spec.text, spec.language)
    requests = [performance_request(spec, plan, s, "t") for s in plan.segments]
    assert (requests[0].lead_in_ms, requests[-1].tail_ms) == (LEAD_IN_MS, TAIL_MS)
    assert {r.lead_in_ms for r in requests[1:]} == {INNER_LEAD_IN_MS}
    assert {r.tail_ms for r in requests[:-1]} == {INNER_TAIL_MS}
