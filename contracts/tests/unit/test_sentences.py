"""Sentences end where a reader would pause, and no character is lost."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avatar_contracts.sentences import split_sentences

TABLE: list[tuple[str, str, list[str]]] = [
    ("en", "", []),
    ("en", " \n\t ", []),
    ("en", "... !!! —", []),
    ("en", "Hello", ["Hello"]),
    ("en", "Hello. How are you? Fine!", ["Hello.", "How are you?", "Fine!"]),
    ("en", "Dr. Smith met Mr. Jones. They talked.", ["Dr. Smith met Mr. Jones.", "They talked."]),
    ("en", "It costs 3.50 dollars. Cheap.", ["It costs 3.50 dollars.", "Cheap."]),
    ("en", "Use e.g. a pen. Or i.e. that.", ["Use e.g. a pen.", "Or i.e. that."]),
    ("en", "J. R. Tolkien wrote it. Yes.", ["J. R. Tolkien wrote it.", "Yes."]),
    ("en", 'He said "Stop!" Then he left.', ['He said "Stop!"', "Then he left."]),
    ("en", "Visit example.com today. Now.", ["Visit example.com today.", "Now."]),
    ("en", "First line\nSecond line", ["First line", "Second line"]),
    ("en", "Wait... what? Yes.", ["Wait... what?", "Yes."]),
    ("en", "Really?! No way.", ["Really?!", "No way."]),
    ("en", "Hello! ... World.", ["Hello! ...", "World."]),
    ("en", "- Hello.", ["- Hello."]),
    ("en", "It is 5 p.m. now. We go.", ["It is 5 p.m. now.", "We go."]),
    ("es", "¡Hola! ¿Qué tal? Bien.", ["¡Hola!", "¿Qué tal?", "Bien."]),
    ("es-MX", "El Sr. García y la Dra. Ruiz. Es alto.", ["El Sr. García y la Dra. Ruiz.", "Es alto."]),
    ("es", "«¡Basta!» gritó. Se fue.", ["«¡Basta!» gritó.", "Se fue."]),
    ("es", "Son 1.000 euros. Gracias.", ["Son 1.000 euros.", "Gracias."]),
    ("zh", "你好。今天天气很好!我们走吧?", ["你好。", "今天天气很好!", "我们走吧?"]),
    ("zh", "他说:“走吧。”然后离开了。", ["他说:“走吧。”", "然后离开了。"]),
    ("zh-CN", "真的吗?!是的……好。", ["真的吗?!", "是的……", "好。"]),
    ("zh", "版本3.5很好。用Python写。", ["版本3.5很好。", "用Python写。"]),
    ("zh", "你好!很高兴认识你。", ["你好!", "很高兴认识你。"]),
]  # fmt: skip


@pytest.mark.parametrize(("language", "text", "expected"), TABLE)
def test_sentences_of(language: str, text: str, expected: list[str]) -> None:
    assert [s.text for s in split_sentences(text, language)] == expected


def visible(text: str) -> str:
    return "".join(text.split())


PARTS = "hello Dr. 3.5 1,000 10:30 U.S. niño ¿qué 你好 世界 Python it's e.g. (so) «ya» “好” ! ... 。 , — x ?!"
words = st.sampled_from([*PARTS.split(), "e\u0301l", "\n", "\t", "\u3000"])
texts = st.lists(st.tuples(words, st.sampled_from([" ", "", "  "])), max_size=60).map(
    lambda pairs: "".join(w + s for w, s in pairs)
)


@settings(max_examples=300)
@given(
    text=texts | st.text(max_size=200),
    language=st.sampled_from(["en", "es", "zh", "fr"]),
    limit=st.sampled_from([20, 60, 400]),
)
def test_no_visible_character_is_lost_and_spans_point_into_the_text(
    text: str, language: str, limit: int
) -> None:
    sentences = split_sentences(text, language, max_chars=limit)
    for sentence in sentences:
        assert sentence.text == text[sentence.start : sentence.end]
        assert sentence.text == sentence.text.strip()
        assert any(c.isalnum() for c in sentence.text)
    assert all(a.end <= b.start for a, b in pairwise(sentences))
    if any(c.isalnum() for c in text):
        assert visible("".join(s.text for s in sentences)) == visible(text)
    else:
        assert sentences == []


@settings(max_examples=200)
@given(text=texts, limit=st.sampled_from([30, 60]))
def test_a_word_is_never_cut(text: str, limit: int) -> None:
    for sentence in split_sentences(text, "en", max_chars=limit)[1:]:
        first = sentence.start
        both_sides = text[first - 1].isalnum() and text[first].isalnum()
        latin = max(text[first - 1], text[first]) < "\u2e80"
        run = max(len(part) for part in text.split())
        assert not (both_sides and latin) or run > limit, text[max(first - 8, 0) : first + 8]


def test_a_long_sentence_is_cut_after_a_clause_and_never_in_a_number() -> None:
    text = (
        "one two three four five six seven, eight nine ten eleven twelve 1,000,000 and 10:30 more words here"
    )
    pieces = [s.text for s in split_sentences(text, "en", max_chars=80)]
    assert pieces[0] == "one two three four five six seven,"
    assert any("1,000,000" in piece for piece in pieces)
    assert any("10:30" in piece for piece in pieces)


def test_chinese_without_punctuation_is_cut_between_characters_but_not_inside_a_latin_word() -> None:
    text = "我们" * 12 + "programming" + "语言" * 10
    pieces = [s.text for s in split_sentences(text, "zh", max_chars=30)]
    assert "".join(pieces) == text
    assert max(map(len, pieces)) <= 30
    assert any("programming" in piece for piece in pieces)


def test_letters_without_end_are_cut_so_that_no_sentence_is_above_the_limit() -> None:
    word = "Donau" * 30
    pieces = [s.text for s in split_sentences(f"Die {word} hier", "de", max_chars=60)]
    assert pieces[0] == "Die"
    assert visible("".join(pieces)) == f"Die{word}hier"
    assert max(map(len, pieces)) <= 60


def test_a_combining_mark_stays_with_its_letter() -> None:
    text = "漢\u0301" * 40
    assert all(not s.text.startswith("\u0301") for s in split_sentences(text, "zh", max_chars=15))
