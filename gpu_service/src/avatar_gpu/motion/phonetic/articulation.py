"""IPA letter → articulatory class → viseme, for phones that no inventory lists.

Places, manners, heights and rounding follow the chart of the International Phonetic Association (2020).
"""

from __future__ import annotations

import unicodedata

_CONSONANTS = {
    "closure": "pbmʙɓʘ",
    "bilabial narrow": "ɸβ",
    "labiodental": "fvɱⱱʋ",
    "dental": "θðǀ",
    "sibilant": "szɬɮ",
    "alveolar": "tdnlɾrɗǃɺǁɫ",
    "postalveolar": "ʃʒɕʑʂʐɧǂ",
    "retroflex": "ʈɖɳɭɽɻɹ",
    "palatal": "cɟɲʎjçʝʄ",
    "labial-palatal": "ɥ",
    "velar": "kɡgŋxɣɰʟɠ",
    "labial-velar": "wʍ",
    "uvular": "qɢɴʀχʁʛ",
    "glottal": "ħʕhɦʔʜʢʡ",
}
_VOWELS = {
    "close spread": "iɨ",
    "near-close spread": "ɪᵻ",
    "close rounded front": "yʏø",
    "close rounded": "uʉʊɯ",
    "mid spread": "eɛɘ",
    "mid rounded front": "œɞɵ",
    "mid rounded": "oɔ",
    "mid": "əɜɤ",
    "near-open": "ɐʌæ",
    "open": "aɑɶ",
    "open rounded": "ɒ",
    "rhotic": "ɚɝ",
}
_VISEME_OF_CLASS = {
    "closure": "PP",
    "bilabial narrow": "BV",
    "labiodental": "FF",
    "dental": "TH",
    "sibilant": "SS",
    "alveolar": "DD",
    "postalveolar": "CH",
    "retroflex": "RR",
    "palatal": "JJ",
    "labial-palatal": "YY",
    "velar": "KK",
    "labial-velar": "WW",
    "uvular": "KK",
    "glottal": "HH",
    "close spread": "ii",
    "near-close spread": "ih",
    "close rounded front": "yy",
    "close rounded": "uu",
    "mid spread": "eh",
    "mid rounded front": "oe",
    "mid rounded": "oh",
    "mid": "ax",
    "near-open": "ah",
    "open": "aa",
    "open rounded": "oh",
    "rhotic": "er",
}
CLASS_OF_LETTER = {
    letter: name for table in (_CONSONANTS, _VOWELS) for name, letters in table.items() for letter in letters
}


def visemes_by_class(phone: str) -> tuple[str, ...]:
    """The visemes of ``phone`` by the classes of its letters; diacritics are left out.

    A phone without any letter of the IPA becomes the neutral vowel where it holds some other letter,
    else nothing: marks alone move nothing.
    """
    letters = [c for c in unicodedata.normalize("NFD", phone.lower()) if unicodedata.category(c)[0] == "L"]
    known = [_VISEME_OF_CLASS[CLASS_OF_LETTER[c]] for c in letters if c in CLASS_OF_LETTER]
    if known:
        return tuple(v for i, v in enumerate(known) if i == 0 or known[i - 1] != v)
    return ("ax",) if any(unicodedata.category(c) != "Lm" for c in letters) else ()
