"""Language tags have one spelling, whatever the caller wrote."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from avatar_contracts.languages import LanguageTag, normalise_language, primary_subtag

TAGS = {
    "en": "en",
    "EN": "en",
    "en_US": "en-US",
    "en-gb": "en-GB",
    " es-mx ": "es-MX",
    "es-419": "es-419",
    "zh": "zh",
    "zh-cn": "zh-CN",
    "ZH_Hans": "zh",
    "zh-hans-cn": "zh-CN",
    "zh-hant-tw": "zh-Hant-TW",
    "cmn": "zh",
    "cmn-CN": "zh-CN",
    "cmn-Hans": "zh",
    "cmn-hans-cn": "zh-CN",
    "zh-yue": "yue",
    "zh-yue-hk": "yue-HK",
    "zh-cmn-hans": "zh",
    "English": "en",
    "Mandarin": "zh",
    "español": "es",
    "中文": "zh",
    "fil": "fil",
    "sr-latn-rs": "sr-Latn-RS",
}


@pytest.mark.parametrize(
    "tag", ["", " ", "e", "englisch!", "en-", "-en", "en--us", "12", "en us", "../en", "en\x00", "x" * 400]
)
def test_what_is_no_tag_is_refused(tag: str) -> None:
    with pytest.raises(ValueError, match="not a language tag"):
        normalise_language(tag)


def test_a_field_of_this_type_is_refused_too() -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(LanguageTag).validate_python("not a tag")


@pytest.mark.parametrize(("given_tag", "canonical"), TAGS.items())
def test_a_tag_becomes_canonical(given_tag: str, canonical: str) -> None:
    assert normalise_language(given_tag) == canonical


@given(
    st.from_regex(
        r"(?:[a-zA-Z]{2,3}|cmn|zh)(?:[-_](?:[a-zA-Z]{2}|[a-zA-Z]{4}|hans|cn|[0-9]{3})){0,5}", fullmatch=True
    )
)
def test_a_canonical_tag_stays_as_it_is(tag: str) -> None:
    canonical = normalise_language(tag)
    assert normalise_language(canonical) == canonical


def test_the_primary_subtag_names_the_language() -> None:
    assert [primary_subtag(t) for t in ("es-MX", "zh", "zh-Hant-TW")] == ["es", "zh", "zh"]
