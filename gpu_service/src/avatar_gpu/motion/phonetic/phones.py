"""Phone → visemes, for every phone that eSpeak NG 1.52 emits in English, Spanish and Mandarin.

The inventories were collected from the library itself over running text (voices en-us, en-gb, en-gb-x-rp,
en-gb-scotland, en-029, es, es-419, cmn, cmn-latn-pinyin). Phones may carry stress, length, tie bars and
tones; what remains is looked up. Mandarin's ``ts.`` and ``s.`` are eSpeak's spelling of ʈʂ and ʂ, ``i.`` and
``i̪`` the two apical vowels, ``o-`` is ɤ, and a final ``h`` is aspiration.
"""

from __future__ import annotations

import logging
import re
import unicodedata

from avatar_gpu.motion.phonetic.articulation import visemes_by_class

_log = logging.getLogger(__name__)

_MARKS = re.compile(r"[ˈˌːˑ:'ʼ\u0361\u035c\u0303\u0306|‖ˤˠ˞0-9˥˦˧˨˩_\s-]")
_VOICE_SWITCH = re.compile(r"\([a-z-]+\)")

_TABLE = {
    # closures and contacts
    "PP": "p b m pʰ ph bʰ pʲ bʲ mʲ m̩",
    "BV": "β β̞ ɸ",
    "FF": "f v ʋ ɱ fʲ vʲ",
    # tongue
    "TH": "θ ð ð̞",
    "DD": "t d tʰ th tʲ dʲ t̪ d̪ ɾ n n̩ l l̩ ɫ nʲ lʲ ɾʲ",
    "SS": "s z ts dz tsʰ tsh sʲ zʲ",
    "CH": "ʃ ʒ tʃ dʒ tʃʰ",
    "TS": "ʂ ʐ ʈʂ ʈʂʰ tʂ tʂʰ dʐ s. z. ts. ts.h",
    "CC": "ɕ ʑ tɕ dʑ tɕʰ tɕh",
    "RR": "ɹ ɻ ɹ̩",
    "TR": "r rr ʀ ʁ",
    "JJ": "j ʝ ɟ ɲ ʎ ç ʲ",
    "KK": "k ɡ g ŋ ŋ̩ x ɣ ɣ̞ χ kʰ kh ɡʰ ɰ",
    "WW": "w ʍ",
    "YY": "ɥ",
    "HH": "h ɦ ʔ",
    # vowels
    "aa": "a ɑ aa",
    "ae": "æ",
    "ah": "ʌ ɐ",
    "ax": "ə",
    "er": "ɜ ɚ ɝ",
    "eh": "ɛ e",
    "ih": "ɪ ᵻ",
    "ii": "i",
    "oh": "ɔ ɒ o",
    "uu": "u ʉ ɯ",
    "uh": "ʊ",
    "yy": "y ʏ",
    "oe": "ø œ ɵ",
    "vv": "ɤ",
    "ir": "ɨ i. ʅ ɻ̩ ʐ̩",
    "is": "i̪ ɿ z̩",
    # glides through several shapes
    "aa ih": "aɪ ai aɪ̯ ɑɪ",
    "ae uh": "æʊ",
    "aa uh": "aʊ au ɑu ɑʊ aʊ̯",
    "eh ih": "eɪ ei eɪ̯",
    "eh uh": "eʊ eu",
    "oh ih": "ɔɪ oɪ oi",
    "oh uh": "oʊ ou əu",
    "ax uh": "əʊ ʌʉ ʌu",
    "aa ih ax": "aɪə aiə",
    "aa ih er": "aɪɚ",
    "aa uh ax": "aʊə",
    "aa uh er": "aʊɚ",
    "ih ax": "ɪə",
    "ii ax": "iə",
    "eh ax": "eə ɛə",
    "uh ax": "ʊə",
    "oh ax": "ɔə oə",
    "aa ax": "ɑə",
    "aa RR": "ɑɹ aɹ",
    "oh RR": "ɔɹ oɹ",
    "eh RR": "ɛɹ eɹ",
    "ih RR": "ɪɹ iɹ",
    "uh RR": "ʊɹ",
    "uu RR": "ʉɹ uɹ",
    "ah RR": "ʌɹ ɐɹ",
    "er RR": "əɹ ɜɹ ər ɚɹ",
    "ax DD": "əl ən",
    "ax PP": "əm",
    # Mandarin finals
    "ii eh": "iɛ ie",
    "ii aa": "iɑ ia",
    "ii aa uh": "iɑu iau",
    "ii oh uh": "iou",
    "ii uh": "iu",
    "ii uh KK": "iʊŋ iuŋ",
    "ii oh KK": "ionɡ ioŋ",
    "uu aa": "ua uɑ",
    "uu oh": "uo",
    "uu ax": "uə",
    "uu aa ih": "uai",
    "uu eh ih": "uei",
    "uu ih": "ui",
    "oh KK": "onɡ oŋ",
    "uh KK": "ʊŋ uŋ",
    "yy eh": "yɛ ye",
    "yy ae": "yæ ya",
    "yy ax": "yə",
    "yy ih": "yi",
    "yy oh KK": "yonɡ yoŋ",
    "yy uh KK": "yʊŋ",
}


def _inventory() -> dict[str, tuple[str, ...]]:
    inventory: dict[str, tuple[str, ...]] = {}
    for visemes, phones in _TABLE.items():
        for phone in phones.split():
            inventory.setdefault(unicodedata.normalize("NFC", phone), tuple(visemes.split()))
    inventory["o-"] = ("vv",)
    return inventory


INVENTORY = _inventory()
"""Phone without stress and length → its visemes in order."""


class PhoneReader:
    """Phones to visemes; names each phone that no inventory lists once in the log."""

    def __init__(self) -> None:
        self._unlisted: dict[str, tuple[str, ...]] = {}

    def visemes(self, ipa: str) -> tuple[str, ...]:
        """The visemes of one phone; empty for a pause and for marks that move nothing."""
        phone = _VOICE_SWITCH.sub("", ipa)
        if "o-" in phone:
            return INVENTORY["o-"]
        phone = unicodedata.normalize("NFC", _MARKS.sub("", unicodedata.normalize("NFD", phone)))
        if not phone:
            return ()
        found = INVENTORY.get(phone)
        if found is not None:
            return found
        if phone not in self._unlisted:
            self._unlisted[phone] = visemes_by_class(phone)
            _log.info(
                "phone outside the inventories",
                extra={"phone": phone, "visemes": " ".join(self._unlisted[phone])},
            )
        return self._unlisted[phone]


def stress_of(ipa: str, stress: int) -> int:
    """0, 1 or 2 from the event's own field or the marks in its text, whichever is higher."""
    marked = 2 if "ˈ" in ipa else 1 if "ˌ" in ipa else 0
    return max(stress, marked)
