"""Every phone that eSpeak NG 1.52.0 emits in English, Spanish and Mandarin is in the inventories.

Provenance: phone events (IPA mode) of the library in espeakng-loader 0.2.4 over about 60,000 characters
of running text, a quarter of the 20,902 unified ideographs, the letters, digits and example words for each
phone; voices en-us, en-gb-x-rp, en-gb-scotland, en-029, es, es-419, cmn and cmn-latn-pinyin; stress marks
removed. The Mandarin voices switch to English for Latin text.
"""

from __future__ import annotations

import logging

import pytest

from avatar_gpu.motion.phonetic.phones import PhoneReader
from avatar_gpu.motion.phonetic.visemes import VISEMES

EMITTED = {
    "en": """
        a a: aa aɪ aɪə aɪɚ aʊ aː b d dʒ e eə eɪ eː f h i iə iː j k l m n n̩ o oə oʊ oː p r s t tʃ t̪ uː
        v w x z æ ð ŋ ɐ ɑə ɑː ɑːɹ ɑ̃ ɒ ɔ ɔə ɔɪ ɔː ɔːɹ ə əl əɹ əʊ ɚ ɛ ɛɹ ɜ ɜː ɡ ɪ ɪɹ ɹ ɾ ʃ ʉ ʉɹ ʉː ʊ ʊɹ
        ʌ ʌɹ ʌʉ ʍ ʒ ʔ ʲ θ ᵻ
    """,
    "es": """
        a aɪ aʊ b d e eɪ eʊ f i j k l m n o oɪ p r s t tʃ u w x ð ŋ ɛ ɡ ɣ ɲ ɾ ʃ ʎ ʝ β θ
    """,
    "zh": """
        a ai aɪ aʊ b d dʒ ei eə eɪ f i i. iou iɑ iɛ iː i̪ j k kh l m n o o- onɡ ou p ph s s. t th ts
        ts. ts.h tsh tɕ tɕh tʃ u ua uai uei uo uə uː v w y yi yæ yə yɛ z ð ŋ ɐ ɑ ɑu ɑː ɒ ɔː ɕ ə əl ər
        əʊ ɛ ɜː ɡ ɪ ɹ ʃ ʊ ʊə ʌ ʐ θ χ
    """,
}


@pytest.mark.parametrize("language", sorted(EMITTED))
def test_every_emitted_phone_is_listed(language: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    reader = PhoneReader()
    for phone in EMITTED[language].split():
        visemes = reader.visemes(phone)
        assert visemes, phone
        assert set(visemes) <= set(VISEMES)
    assert not caplog.records


@pytest.mark.parametrize(
    ("phone", "visemes"),
    [
        ("ˈaɪ", ("aa", "ih")),
        ("tʃ", ("CH",)),
        ("t͡ʃ", ("CH",)),
        ("ph", ("PP",)),
        ("ts.h", ("TS",)),
        ("ˈo-", ("vv",)),
        ("ˈi.", ("ir",)),
        ("onɡ", ("oh", "KK")),
        ("ʊŋ", ("uh", "KK")),
        ("iʊŋ", ("ii", "uh", "KK")),
        ("ʈʂʰ", ("TS",)),
        ("ɨ", ("ir",)),
        ("ɤ", ("vv",)),
        ("ˈuei", ("uu", "eh", "ih")),
        ("ɑ̃", ("aa",)),
        ("ç", ("JJ",)),
        ("(en)", ()),
        ("ˈ", ()),
        ("", ()),
    ],
)
def test_marks_and_spellings_are_read(phone: str, visemes: tuple[str, ...]) -> None:
    assert PhoneReader().visemes(phone) == visemes


@pytest.mark.parametrize(
    ("phone", "viseme"),
    [("ɓ", "PP"), ("ɱ̊", "FF"), ("ɖ", "RR"), ("q", "KK"), ("ɵ̈", "oe"), ("ʘ", "PP"), ("ꙮ", "ax")],
)
def test_an_unlisted_phone_falls_to_its_articulatory_class(phone: str, viseme: str) -> None:
    assert PhoneReader().visemes(phone) == (viseme,)
