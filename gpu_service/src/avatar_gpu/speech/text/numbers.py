"""Whole and decimal numbers in words: English, Spanish, Mandarin."""

from __future__ import annotations

_EN_SMALL = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_EN_TENS = ["zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_EN_SCALES = ("", "thousand", "million", "billion", "trillion", "quadrillion")
_EN_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}

_ES_SMALL = [
    "cero",
    "uno",
    "dos",
    "tres",
    "cuatro",
    "cinco",
    "seis",
    "siete",
    "ocho",
    "nueve",
    "diez",
    "once",
    "doce",
    "trece",
    "catorce",
    "quince",
    "dieciséis",
    "diecisiete",
    "dieciocho",
    "diecinueve",
    "veinte",
    "veintiuno",
    "veintidós",
    "veintitrés",
    "veinticuatro",
    "veinticinco",
    "veintiséis",
    "veintisiete",
    "veintiocho",
    "veintinueve",
]
_ES_TENS = [
    "cero",
    "diez",
    "veinte",
    "treinta",
    "cuarenta",
    "cincuenta",
    "sesenta",
    "setenta",
    "ochenta",
    "noventa",
]
_ES_HUNDREDS = [
    "-",
    "ciento",
    "doscientos",
    "trescientos",
    "cuatrocientos",
    "quinientos",
    "seiscientos",
    "setecientos",
    "ochocientos",
    "novecientos",
]
_ES_ORDINALS = [
    "-",
    "primero",
    "segundo",
    "tercero",
    "cuarto",
    "quinto",
    "sexto",
    "séptimo",
    "octavo",
    "noveno",
    "décimo",
    "undécimo",
    "duodécimo",
    "decimotercero",
    "decimocuarto",
    "decimoquinto",
    "decimosexto",
    "decimoséptimo",
    "decimoctavo",
    "decimonoveno",
    "vigésimo",
]

_ZH_DIGITS = "零一二三四五六七八九"
_ZH_SCALES = ("", "万", "亿", "万亿", "亿亿")

MAX_CARDINAL_DIGITS = 15
"""Longer digit strings are read digit by digit."""


def english_cardinal(value: int) -> str:
    """1234 → ``one thousand two hundred thirty-four`` (American, without "and")."""
    if value < 0:
        return "minus " + english_cardinal(-value)
    if value == 0:
        return "zero"
    groups: list[str] = []
    for scale in _EN_SCALES:
        value, group = divmod(value, 1000)
        if group:
            groups.append(f"{_english_group(group)} {scale}".strip())
    if value:
        return " ".join(_EN_SMALL[int(d)] for d in str(value)) + " " + " ".join(reversed(groups))
    return " ".join(reversed(groups))


def _english_group(value: int) -> str:
    hundreds, rest = divmod(value, 100)
    words = [f"{_EN_SMALL[hundreds]} hundred"] if hundreds else []
    if 0 < rest < 20:
        words.append(_EN_SMALL[rest])
    elif rest:
        tens, ones = divmod(rest, 10)
        words.append(_EN_TENS[tens] + (f"-{_EN_SMALL[ones]}" if ones else ""))
    return " ".join(words)


def english_ordinal(value: int) -> str:
    """21 → ``twenty-first``."""
    words = english_cardinal(value)
    head, separator, last = words.rpartition("-") if "-" in words.split(" ")[-1] else words.rpartition(" ")
    if last in _EN_ORDINALS:
        last = _EN_ORDINALS[last]
    elif last.endswith("y"):
        last = last[:-1] + "ieth"
    else:
        last += "th"
    return head + separator + last


def english_year(value: int) -> str:
    """1999 → ``nineteen ninety-nine``, 2005 → ``two thousand five``, 1900 → ``nineteen hundred``."""
    century, rest = divmod(value, 100)
    if 2000 <= value <= 2009 or value % 1000 == 0:
        return english_cardinal(value)
    if rest == 0:
        return f"{english_cardinal(century)} hundred"
    ending = f"oh {_EN_SMALL[rest]}" if rest < 10 else english_cardinal(rest)
    return f"{english_cardinal(century)} {ending}"


def english_digits(digits: str) -> str:
    """``507`` → ``five zero seven``."""
    return " ".join(_EN_SMALL[int(d)] for d in digits)


def spanish_cardinal(value: int, *, feminine: bool = False, short: bool = False) -> str:
    """1234 → ``mil doscientos treinta y cuatro``.

    short: before a masculine noun: veintiún euros, un dólar. feminine: doscientas, una.
    """
    if value < 0:
        return "menos " + spanish_cardinal(-value, feminine=feminine, short=short)
    millions, rest = divmod(value, 1_000_000)
    words: list[str] = []
    if millions >= 1_000_000:
        billions, millions = divmod(millions, 1_000_000)
        words.append("un billón" if billions == 1 else f"{spanish_cardinal(billions, short=True)} billones")
    if millions:
        words.append("un millón" if millions == 1 else f"{spanish_cardinal(millions, short=True)} millones")
    thousands, units = divmod(rest, 1000)
    if thousands:
        words.append(
            "mil" if thousands == 1 else f"{_spanish_group(thousands, feminine=feminine, short=True)} mil"
        )
    if units or not words:
        words.append(_spanish_group(units, feminine=feminine, short=short))
    return " ".join(words)


def _spanish_group(value: int, *, feminine: bool, short: bool) -> str:
    if value == 100:
        return "cien"
    hundreds, rest = divmod(value, 100)
    words: list[str] = []
    if hundreds:
        word = _ES_HUNDREDS[hundreds]
        words.append(word[:-2] + "as" if feminine and hundreds > 1 else word)
    if rest < 30 and (rest or not words):
        words.append(_ES_SMALL[rest])
    elif rest:
        tens, ones = divmod(rest, 10)
        words.append(_ES_TENS[tens] + (f" y {_ES_SMALL[ones]}" if ones else ""))
    text = " ".join(words)
    if text.endswith("uno"):
        if feminine:
            return text[:-1] + "a"
        if short:
            return text[:-3] + ("ún" if text.endswith("veintiuno") else "un")
    return text


def spanish_ordinal(value: int, *, feminine: bool = False) -> str:
    """3 → ``tercero``; above 20 the cardinal, as speech does."""
    word = _ES_ORDINALS[value] if 0 < value < len(_ES_ORDINALS) else spanish_cardinal(value)
    return word[:-1] + "a" if feminine and word.endswith("o") else word


def spanish_digits(digits: str) -> str:
    """``507`` → ``cinco cero siete``."""
    return " ".join(_ES_SMALL[int(d)] for d in digits)


def mandarin_cardinal(value: int) -> str:
    """10234 → ``一万零二百三十四``; 12 → ``十二``; 2000 → ``两千``."""
    if value < 0:
        return "负" + mandarin_cardinal(-value)
    if value == 0:
        return _ZH_DIGITS[0]
    groups: list[int] = []
    while value:
        value, group = divmod(value, 10_000)
        groups.append(group)
    text = ""
    gap = False
    for place in range(len(groups) - 1, -1, -1):
        group = groups[place]
        if group == 0:
            gap = bool(text)
            continue
        if text and (gap or group < 1000):
            text += _ZH_DIGITS[0]
        text += ("两" if group == 2 and place > 0 else _mandarin_group(group)) + _ZH_SCALES[place]
        gap = False
    return text[1:] if text.startswith("一十") else text


def _mandarin_group(value: int) -> str:
    text = ""
    gap = False
    for unit, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, value = divmod(value, unit)
        if digit == 0:
            gap = bool(text)
            continue
        if gap:
            text += _ZH_DIGITS[0]
        text += ("两" if digit == 2 and unit in (1000, 100) and not text else _ZH_DIGITS[digit]) + name
        gap = False
    return text


def mandarin_digits(digits: str, *, telephone: bool = False) -> str:
    """``2025`` → ``二零二五``; a telephone number says 幺 for 1."""
    text = "".join(_ZH_DIGITS[int(d)] for d in digits)
    return text.replace("一", "幺") if telephone else text
