"""English: what a reader says for numbers, money, dates, times, units and signs."""

from __future__ import annotations

import re

from avatar_gpu.speech.text.aligned import Replacement
from avatar_gpu.speech.text.numbers import (
    MAX_CARDINAL_DIGITS,
    english_cardinal,
    english_digits,
    english_ordinal,
    english_year,
)

Rule = tuple[re.Pattern[str], Replacement]

_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_MONTH_WORD = (
    r"(?P<month>January|February|March|April|May|June|July|August|September|October|November|December"
    r"|Jan\.?|Feb\.?|Mar\.?|Apr\.?|Jun\.?|Jul\.?|Aug\.?|Sept?\.?|Oct\.?|Nov\.?|Dec\.?)"
)
_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
_CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "US$": ("dollar", "dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
    "¥": ("yen", "yen", "sen", "sen"),
    "CN¥": ("yuan", "yuan", "fen", "fen"),
    "₹": ("rupee", "rupees", "paisa", "paise"),
    "₽": ("rouble", "roubles", "kopeck", "kopecks"),
    "₩": ("won", "won", "jeon", "jeon"),
    "₿": ("bitcoin", "bitcoins", "", ""),
    "USD": ("US dollar", "US dollars", "cent", "cents"),
    "EUR": ("euro", "euros", "cent", "cents"),
    "GBP": ("pound", "pounds", "penny", "pence"),
    "CNY": ("yuan", "yuan", "fen", "fen"),
    "RMB": ("yuan", "yuan", "fen", "fen"),
    "JPY": ("yen", "yen", "sen", "sen"),
    "A$": ("Australian dollar", "Australian dollars", "cent", "cents"),
    "C$": ("Canadian dollar", "Canadian dollars", "cent", "cents"),
    "HK$": ("Hong Kong dollar", "Hong Kong dollars", "cent", "cents"),
    "MX$": ("Mexican peso", "Mexican pesos", "centavo", "centavos"),
}
_MAGNITUDES = {
    "k": "thousand",
    "K": "thousand",
    "m": "million",
    "M": "million",
    "mn": "million",
    "bn": "billion",
    "b": "billion",
    "B": "billion",
    "tn": "trillion",
    "T": "trillion",
}
_UNITS = {
    "km/h": ("kilometre per hour", "kilometres per hour"),
    "kph": ("kilometre per hour", "kilometres per hour"),
    "mph": ("mile per hour", "miles per hour"),
    "m/s": ("metre per second", "metres per second"),
    "km²": ("square kilometre", "square kilometres"),
    "m²": ("square metre", "square metres"),
    "m³": ("cubic metre", "cubic metres"),
    "ft²": ("square foot", "square feet"),
    "°C": ("degree Celsius", "degrees Celsius"),
    "°F": ("degree Fahrenheit", "degrees Fahrenheit"),
    "ºC": ("degree Celsius", "degrees Celsius"),
    "°": ("degree", "degrees"),
    "km": ("kilometre", "kilometres"),
    "cm": ("centimetre", "centimetres"),
    "mm": ("millimetre", "millimetres"),
    "m": ("metre", "metres"),
    "µm": ("micrometre", "micrometres"),
    "nm": ("nanometre", "nanometres"),
    "mi": ("mile", "miles"),
    "ft": ("foot", "feet"),
    "yd": ("yard", "yards"),
    "kg": ("kilogram", "kilograms"),
    "g": ("gram", "grams"),
    "mg": ("milligram", "milligrams"),
    "lb": ("pound", "pounds"),
    "lbs": ("pound", "pounds"),
    "oz": ("ounce", "ounces"),
    "ml": ("millilitre", "millilitres"),
    "mL": ("millilitre", "millilitres"),
    "l": ("litre", "litres"),
    "L": ("litre", "litres"),
    "ms": ("millisecond", "milliseconds"),
    "s": ("second", "seconds"),
    "sec": ("second", "seconds"),
    "min": ("minute", "minutes"),
    "hr": ("hour", "hours"),
    "hrs": ("hour", "hours"),
    "h": ("hour", "hours"),
    "Hz": ("hertz", "hertz"),
    "kHz": ("kilohertz", "kilohertz"),
    "MHz": ("megahertz", "megahertz"),
    "GHz": ("gigahertz", "gigahertz"),
    "B": ("byte", "bytes"),
    "KB": ("kilobyte", "kilobytes"),
    "kB": ("kilobyte", "kilobytes"),
    "MB": ("megabyte", "megabytes"),
    "GB": ("gigabyte", "gigabytes"),
    "TB": ("terabyte", "terabytes"),
    "Mbps": ("megabit per second", "megabits per second"),
    "Gbps": ("gigabit per second", "gigabits per second"),
    "W": ("watt", "watts"),
    "kW": ("kilowatt", "kilowatts"),
    "MW": ("megawatt", "megawatts"),
    "kWh": ("kilowatt hour", "kilowatt hours"),
    "V": ("volt", "volts"),
    "mAh": ("milliamp hour", "milliamp hours"),
    "dB": ("decibel", "decibels"),
    "px": ("pixel", "pixels"),
    "fps": ("frame per second", "frames per second"),
    "kcal": ("kilocalorie", "kilocalories"),
    "%": ("percent", "percent"),
    "‰": ("per mille", "per mille"),
    "pp": ("percentage point", "percentage points"),
}
_FRACTIONS = {
    "½": (1, 2),
    "⅓": (1, 3),
    "⅔": (2, 3),
    "¼": (1, 4),
    "¾": (3, 4),
    "⅕": (1, 5),
    "⅖": (2, 5),
    "⅗": (3, 5),
    "⅘": (4, 5),
    "⅙": (1, 6),
    "⅚": (5, 6),
    "⅛": (1, 8),
    "⅜": (3, 8),
    "⅝": (5, 8),
    "⅞": (7, 8),
}
_ABBREVIATIONS = {
    "Mr.": "Mister",
    "Mrs.": "Missus",
    "Ms.": "Miz",
    "Dr.": "Doctor",
    "Prof.": "Professor",
    "Jr.": "Junior",
    "Sr.": "Senior",
    "vs.": "versus",
    "vs": "versus",
    "etc.": "et cetera",
    "e.g.": "for example",
    "i.e.": "that is",
    "approx.": "approximately",
    "a.m.": "A M",
    "p.m.": "P M",
    "Inc.": "Incorporated",
    "Ltd.": "Limited",
    "Co.": "Company",
    "Corp.": "Corporation",
    "Gov.": "Governor",
    "Sen.": "Senator",
    "Rep.": "Representative",
    "Gen.": "General",
    "Capt.": "Captain",
    "Lt.": "Lieutenant",
    "Sgt.": "Sergeant",
    "Rev.": "Reverend",
    "Hon.": "Honourable",
    "dept.": "department",
    "est.": "established",
    "w/": "with ",
    "w/o": "without",
    "aka": "A K A",
    "Mt.": "Mount",
    "Ave.": "Avenue",
    "Blvd.": "Boulevard",
    "Rd.": "Road",
    "Ft.": "Fort",
    "fig.": "figure",
    "Fig.": "Figure",
    "vol.": "volume",
    "Vol.": "Volume",
    "pp.": "pages",
    "p.": "page",
    "ch.": "chapter",
    "Ch.": "Chapter",
}
_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_SIGNS = {
    "&": " and ",
    "+": " plus ",
    "=": " equals ",
    "×": " times ",
    "÷": " divided by ",
    "±": " plus or minus ",
    "≈": " approximately ",
    "≠": " is not equal to ",
    "≤": " less than or equal to ",
    "≥": " greater than or equal to ",
    "→": " to ",
    "°": " degrees ",
    "§": " section ",
    "©": " copyright ",
    "®": "",
    "™": "",
    "@": " at ",
    "~": " about ",
    "#": " hash ",
    "^": " ",
    "|": ", ",
    "\\": " backslash ",
    "•": ", ",
    "·": " ",
    "€": " euros ",
    "£": " pounds ",
    "$": " dollars ",
    "¥": " yen ",
    "%": " percent ",
    "µ": " micro ",
}


def number(written: str) -> str:
    """``1,234.50`` → ``one thousand two hundred thirty-four point five zero``."""
    whole, _, decimals = written.replace(",", "").partition(".")
    if len(whole) > MAX_CARDINAL_DIGITS or (len(whole) > 1 and whole.startswith("0")):
        spoken = english_digits(whole)
    else:
        spoken = english_cardinal(int(whole or "0"))
    return f"{spoken} point {english_digits(decimals)}" if decimals else spoken


def _is_one(written: str) -> bool:
    return written == "1"


def _money(match: re.Match[str]) -> str | None:
    symbol = match["before"] or match["after"]
    amount = match["amount"] or match["amount2"]
    magnitude = match["magnitude"] if match["before"] else match["magnitude2"]
    one, many, small_one, small_many = _CURRENCIES[symbol]
    sign = "minus " if match["sign"] else ""
    if magnitude:
        return f"{sign}{number(amount)} {_MAGNITUDES.get(magnitude, magnitude)} {many}"
    whole, _, decimals = amount.replace(",", "").partition(".")
    if len(decimals) == 2 and small_many:
        units, cents = int(whole or "0"), int(decimals)
        parts = [f"{english_cardinal(units)} {one if units == 1 else many}"] if units or not cents else []
        if cents:
            parts.append(f"{english_cardinal(cents)} {small_one if cents == 1 else small_many}")
        return sign + " and ".join(parts)
    return f"{sign}{number(amount)} {one if _is_one(amount) else many}"


def _measure(match: re.Match[str]) -> str:
    one, many = _UNITS[match["unit"]]
    sign = "minus " if match["sign"] else ""
    return f"{sign}{number(match['amount'])} {one if _is_one(match['amount']) else many}"


def _month(name: str) -> str:
    return next(month for month in _MONTHS if month.startswith(name.rstrip(".")[:3]))


def _day_year(day: str, year: str | None) -> str:
    spoken = english_ordinal(int(day))
    return f"{spoken}, {english_year(int(year))}" if year else spoken


def _month_day(match: re.Match[str]) -> str | None:
    if int(match["day"]) > 31:
        return None
    return f"{_month(match['month'])} {_day_year(match['day'], match['year'])}"


def _day_month(match: re.Match[str]) -> str | None:
    if int(match["day"]) > 31:
        return None
    year = f", {english_year(int(match['year']))}" if match["year"] else ""
    return f"the {english_ordinal(int(match['day']))} of {_month(match['month'])}{year}"


def _full_year(written: str) -> int:
    value = int(written)
    if len(written) == 2:
        return value + (1900 if value >= 70 else 2000)
    return value


def _numeric_date(first: str, second: str, year: str, *, day_first: bool) -> str | None:
    day, month = (int(first), int(second)) if day_first else (int(second), int(first))
    if month > 12 and day <= 12:
        day, month = month, day
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    return f"{_MONTHS[month - 1]} {english_ordinal(day)}, {english_year(_full_year(year))}"


def _iso_date(match: re.Match[str]) -> str | None:
    return _numeric_date(match["d"], match["m"], match["y"], day_first=True)


def _american_date(match: re.Match[str]) -> str | None:
    return _numeric_date(match["a"], match["b"], match["y"], day_first=False)


def _british_date(match: re.Match[str]) -> str | None:
    return _numeric_date(match["a"], match["b"], match["y"], day_first=True)


def _time(match: re.Match[str]) -> str | None:
    hour, minute = int(match["hour"]), int(match["minute"])
    half = (match["half"] or "").lower().replace(".", "").strip()
    if hour > 24 or minute > 59:
        return None
    if minute == 0:
        if half:
            spoken = english_cardinal(hour)
        elif hour == 0 or hour > 12:
            spoken = f"{english_cardinal(hour) if hour else 'zero'} hundred hours"
        else:
            spoken = f"{english_cardinal(hour)} o'clock"
    else:
        spoken = f"{english_cardinal(hour)} {'oh ' if minute < 10 else ''}{english_cardinal(minute)}"
    if match["second"]:
        spoken += f" and {english_cardinal(int(match['second']))} seconds"
    return f"{spoken} {half[0].upper()} M" if half else spoken


def _hour(match: re.Match[str]) -> str | None:
    if not 1 <= int(match["hour"]) <= 12:
        return None
    return f"{english_cardinal(int(match['hour']))} {match['half'][0].upper()} M"


def _ratio(top: int, bottom: int) -> str:
    if bottom == 2:
        name = "half" if top == 1 else "halves"
    elif bottom == 4:
        name = "quarter" if top == 1 else "quarters"
    else:
        name = english_ordinal(bottom) + ("" if top == 1 else "s")
    return f"{english_cardinal(top)} {name}"


def _fraction(match: re.Match[str]) -> str | None:
    top, bottom = int(match["top"]), int(match["bottom"])
    if match["whole"] is None and (top, bottom) in ((24, 7), (9, 11)):
        return f"{english_cardinal(top)} {english_cardinal(bottom)}"
    if match["whole"] is None and not (0 < top < bottom <= 100):
        return None
    if bottom == 0 or bottom > 100:
        return None
    whole = f"{english_cardinal(int(match['whole']))} and " if match["whole"] else ""
    spoken = _ratio(top, bottom)
    return whole + ("a" + spoken[3:] if whole and top == 1 and bottom in (2, 4) else spoken)


def _fraction_sign(match: re.Match[str]) -> str:
    spoken = _ratio(*_FRACTIONS[match["sign"]])
    if match["whole"]:
        return f"{english_cardinal(int(match['whole']))} and " + (
            "a" + spoken[3:] if spoken.startswith("one ") else spoken
        )
    return spoken


def _decade(match: re.Match[str]) -> str:
    words = english_year(int(match["y"])) if len(match["y"]) == 4 else english_cardinal(int(match["y"]))
    return (words[:-1] + "ies") if words.endswith("y") else words + "s"


def _year(match: re.Match[str]) -> str:
    return english_year(int(match["y"]))


def _ordinal(match: re.Match[str]) -> str:
    return english_ordinal(int(match["n"].replace(",", "")))


def _range(match: re.Match[str]) -> str | None:
    low, high = match["low"], match["high"]
    if len(low) == 4 and len(high) in (2, 4) and 1100 <= int(low) < 2100:
        full = int(high) if len(high) == 4 else int(low[:2] + high)
        return f"{english_year(int(low))} to {english_year(full)}"
    return f"{number(low)} to {number(high)}"


def _version(match: re.Match[str]) -> str:
    spoken = " point ".join(english_cardinal(int(part)) for part in match["v"].split("."))
    return ("version " if match["mark"] else "") + spoken


def _telephone(match: re.Match[str]) -> str:
    groups = re.findall(r"\d+", match.group())
    return ("plus " if match.group().startswith("+") else "") + ", ".join(english_digits(g) for g in groups)


def _web(match: re.Match[str]) -> str:
    address = re.sub(r"^https?://", "", match.group().rstrip("/"))
    spoken = address.replace("www.", "W W W dot ")
    for sign, word in (
        (".", " dot "),
        ("/", " slash "),
        ("-", " dash "),
        ("_", " underscore "),
        ("@", " at "),
        ("?", " question mark "),
        ("=", " equals "),
        (":", " colon "),
        ("#", " hash "),
        ("&", " and "),
        ("%", " percent "),
        ("+", " plus "),
    ):
        spoken = spoken.replace(sign, word)
    return re.sub(r"\s+", " ", spoken)


def roman(written: str) -> int | None:
    """The value of a well-formed Roman numeral up to 3999, else None."""
    if not re.fullmatch(r"M{0,3}(CM|CD|D?C{0,3})(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})", written) or not written:
        return None
    values = [_ROMAN[c] for c in written]
    return sum(
        -value if index + 1 < len(values) and value < values[index + 1] else value
        for index, value in enumerate(values)
    )


def _regnal(match: re.Match[str]) -> str | None:
    value = roman(match["r"])
    return None if value is None else f"{match['name']} the {english_ordinal(value)}"


def _numbered(match: re.Match[str]) -> str | None:
    value = roman(match["r"])
    return None if value is None else f"{match['name']} {english_cardinal(value)}"


def _alternatives(words: dict[str, object] | dict[str, str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_CURRENCY = _alternatives(dict.fromkeys(_CURRENCIES, ""))
_UNIT = _alternatives(dict.fromkeys(_UNITS, ""))
_MAGNITUDE = r"(?:\s?(?P<{}>thousand|million|billion|trillion|bn|mn|tn|[kKmMbBT](?![\w])))?"


def _rules(date: Replacement) -> tuple[Rule, ...]:
    def rule(pattern: str, replacement: Replacement, flags: int = 0) -> Rule:
        return re.compile(pattern, flags), replacement

    return (
        rule(r"(?:https?://|www\.)[^\s,;<>\"]*[\w/]", _web, re.IGNORECASE),
        rule(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b", _web),
        rule(
            r"\b[a-z][\w-]*\.(?:com|org|net|io|ai|dev|edu|gov|co\.uk|app)\b(?:/[\w/-]*\w)?",
            _web,
            re.IGNORECASE,
        ),
        rule(r"\b(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})\b", _iso_date),
        rule(r"\b(?P<a>\d{1,2})[/.](?P<b>\d{1,2})[/.](?P<y>\d{4}|\d{2})\b(?![/.]\d)", date),
        rule(
            rf"\b{_MONTH_WORD}\s(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s(?P<year>\d{{4}})\b)?(?![:.,]\d)",
            _month_day,
        ),
        rule(
            rf"\b(?:the\s)?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s(?:of\s)?{_MONTH_WORD}(?!\w)"
            r"(?:,?\s(?P<year>\d{4})\b)?",
            _day_month,
        ),
        rule(
            r"\b(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?"
            r"(?:\s?(?P<half>[aApP]\.?[mM]\b\.?))?(?!\d)",
            _time,
        ),
        rule(r"\b(?P<hour>\d{1,2})\s?(?P<half>[aApP]\.?[mM]\b\.?)", _hour),
        rule(r"(?:\+\d{1,3}[\s-]?)?(?:\(\d{2,4}\)\s?|\b\d{3}[\s-])\d{3,4}[\s-]\d{3,4}\b", _telephone),
        rule(r"\+\d{1,3}(?:[\s-]\d{2,4}){2,4}\b", _telephone),
        rule(
            rf"(?P<sign>(?<!\w)-)?(?:(?P<before>{_CURRENCY})\s?(?P<amount>{_NUMBER})"
            + _MAGNITUDE.format("magnitude")
            + rf"|(?<![\w.])(?P<amount2>{_NUMBER})"
            + _MAGNITUDE.format("magnitude2")
            + rf"\s?(?P<after>{_CURRENCY})(?!\w))",
            _money,
        ),
        rule(r"(?<![\w.])'?(?P<y>1[1-9]\d0|20\d0|[2-9]0)'?s\b", _decade),
        rule(
            rf"(?P<sign>(?<![\w.])-)?(?<![\w.])(?P<amount>{_NUMBER})\s?(?P<unit>{_UNIT})(?![\w/])", _measure
        ),
        rule(r"(?<![\w/.])(?:(?P<whole>\d{1,3})\s)?(?P<top>\d{1,2})/(?P<bottom>\d{1,3})(?![\w/])", _fraction),
        rule(rf"(?P<whole>\d+)?\s?(?P<sign>[{''.join(_FRACTIONS)}])", _fraction_sign),
        rule(r"\b(?P<mark>[vV]\.?\s?)(?P<v>\d+(?:\.\d+)+)\b", _version),
        rule(r"(?P<mark>)(?<![\w.])(?P<v>\d+\.\d+\.\d+(?:\.\d+)*)(?![\w.]*\d)", _version),
        rule(r"\b(?P<n>\d{1,3}(?:,\d{3})+|\d+)(?:st|nd|rd|th)\b", _ordinal),
        rule(r"(?<![\w.-])(?P<low>\d+(?:\.\d+)?)\s?[-–](?P<high>\d+(?:\.\d+)?)(?![\w-])", _range),
        rule(r"(?<![\w.,/$-])(?P<y>1[1-9]\d{2}|20\d{2})(?![\w%/]|[.,]\d|-\d)", _year),
        rule(r"\b(?:No|no|Nos)\.\s?(?=\d)", lambda _: "number "),
        rule(r"#(?=\d)", lambda _: "number "),
        rule(r"\bSt\.(?=\s[A-Z])", lambda _: "Saint"),
        rule(r"\bSt\.", lambda _: "Street"),
        rule(rf"(?<![\w.])(?:{_alternatives(_ABBREVIATIONS)})(?![\w])", lambda m: _ABBREVIATIONS[m.group()]),
        rule(
            r"\b(?P<name>(?:King|Queen|Pope|Emperor)\s[A-Z]\w+|Henry|Elizabeth|Louis|Charles|George|Edward|James"
            r"|Philip|Richard|William|Felipe|Napoleon|Benedict|John Paul)\s(?P<r>[IVX]{1,6})\b",
            _regnal,
        ),
        rule(
            r"\b(?P<name>World War|Chapter|Part|Act|Scene|Section|Volume|Book|Phase|Type|Article|Level|Grade"
            r"|Class|Super Bowl|Appendix)\s(?P<r>[IVXLC]{1,7})\b",
            _numbered,
        ),
        rule(rf"(?<![\w.])-(?=(?:{_NUMBER}))", lambda _: "minus "),
        rule(rf"(?<![A-Za-z])(?:{_NUMBER})", lambda m: number(m.group())),
        rule(r"(?<=[A-Za-z])\d+(?:\.\d+)?", lambda m: " " + number(m.group())),
        rule(r"(?<=[a-z])(?=[A-Z][a-z])", lambda _: ""),
        rule(rf"[{re.escape(''.join(_SIGNS))}]", lambda m: _SIGNS[m.group()]),
        rule(r"\s*[–—]\s*|\s-{1,3}\s", lambda _: ", "),
        rule(r"\s*/\s*", lambda _: " slash "),
    )


RULES = _rules(_american_date)
"""American: month first in 12/03/2025."""

BRITISH_RULES = _rules(_british_date)
"""British and its kin: day first."""
