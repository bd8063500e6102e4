"""Spanish: what a reader says for numbers, money, dates, times, units and signs."""

from __future__ import annotations

import re

from avatar_gpu.speech.text.aligned import Replacement
from avatar_gpu.speech.text.english import roman
from avatar_gpu.speech.text.numbers import (
    MAX_CARDINAL_DIGITS,
    spanish_cardinal,
    spanish_digits,
    spanish_ordinal,
)

Rule = tuple[re.Pattern[str], Replacement]

DECIMAL_POINT_REGIONS = (
    "es-MX",
    "es-419",
    "es-US",
    "es-PR",
    "es-DO",
    "es-GT",
    "es-HN",
    "es-NI",
    "es-PA",
    "es-SV",
)
"""Regions that write 1,234.50 where Spain writes 1.234,50."""

_MONTHS = [
    "enero",
    "febrero",
    "marzo",
    "abril",
    "mayo",
    "junio",
    "julio",
    "agosto",
    "septiembre",
    "octubre",
    "noviembre",
    "diciembre",
]
_CURRENCIES = {
    "$": ("dólar", "dólares", "centavo", "centavos"),
    "US$": ("dólar", "dólares", "centavo", "centavos"),
    "€": ("euro", "euros", "céntimo", "céntimos"),
    "£": ("libra", "libras", "penique", "peniques"),
    "¥": ("yen", "yenes", "sen", "sen"),
    "CN¥": ("yuan", "yuanes", "fen", "fen"),
    "₿": ("bitcoin", "bitcoins", "", ""),
    "₽": ("rublo", "rublos", "kopek", "kopeks"),
    "USD": ("dólar", "dólares", "centavo", "centavos"),
    "EUR": ("euro", "euros", "céntimo", "céntimos"),
    "MXN": ("peso mexicano", "pesos mexicanos", "centavo", "centavos"),
    "MX$": ("peso mexicano", "pesos mexicanos", "centavo", "centavos"),
    "GBP": ("libra", "libras", "penique", "peniques"),
    "CNY": ("yuan", "yuanes", "fen", "fen"),
    "JPY": ("yen", "yenes", "sen", "sen"),
}
_MAGNITUDES = {
    "mil": "mil",
    "millón": "millones",
    "millones": "millones",
    "M": "millones",
    "mill.": "millones",
    "k": "mil",
    "K": "mil",
    "billones": "billones",
}
_UNITS = {
    "km/h": ("kilómetro por hora", "kilómetros por hora"),
    "m/s": ("metro por segundo", "metros por segundo"),
    "km²": ("kilómetro cuadrado", "kilómetros cuadrados"),
    "m²": ("metro cuadrado", "metros cuadrados"),
    "m³": ("metro cúbico", "metros cúbicos"),
    "°C": ("grado Celsius", "grados Celsius"),
    "ºC": ("grado Celsius", "grados Celsius"),
    "°F": ("grado Fahrenheit", "grados Fahrenheit"),
    "°": ("grado", "grados"),
    "km": ("kilómetro", "kilómetros"),
    "cm": ("centímetro", "centímetros"),
    "mm": ("milímetro", "milímetros"),
    "m": ("metro", "metros"),
    "kg": ("kilogramo", "kilogramos"),
    "g": ("gramo", "gramos"),
    "mg": ("miligramo", "miligramos"),
    "ml": ("mililitro", "mililitros"),
    "l": ("litro", "litros"),
    "L": ("litro", "litros"),
    "ms": ("milisegundo", "milisegundos"),
    "s": ("segundo", "segundos"),
    "seg": ("segundo", "segundos"),
    "min": ("minuto", "minutos"),
    "h": ("hora", "horas"),
    "Hz": ("hercio", "hercios"),
    "kHz": ("kilohercio", "kilohercios"),
    "MHz": ("megahercio", "megahercios"),
    "GHz": ("gigahercio", "gigahercios"),
    "KB": ("kilobyte", "kilobytes"),
    "MB": ("megabyte", "megabytes"),
    "GB": ("gigabyte", "gigabytes"),
    "TB": ("terabyte", "terabytes"),
    "Mbps": ("megabit por segundo", "megabits por segundo"),
    "W": ("vatio", "vatios"),
    "kW": ("kilovatio", "kilovatios"),
    "kWh": ("kilovatio hora", "kilovatios hora"),
    "V": ("voltio", "voltios"),
    "dB": ("decibelio", "decibelios"),
    "px": ("píxel", "píxeles"),
    "%": ("por ciento", "por ciento"),
    "‰": ("por mil", "por mil"),
}
_FEMININE = {"libra", "hora"}
_FRACTIONS = {"½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅛": (1, 8)}
_PARTS = {
    2: "medio",
    3: "tercio",
    4: "cuarto",
    5: "quinto",
    6: "sexto",
    7: "séptimo",
    8: "octavo",
    9: "noveno",
    10: "décimo",
    100: "centésimo",
}
_ABBREVIATIONS = {
    "Sr.": "señor",
    "Sra.": "señora",
    "Srta.": "señorita",
    "Sres.": "señores",
    "Dr.": "doctor",
    "Dra.": "doctora",
    "D.": "don",
    "Dña.": "doña",
    "Prof.": "profesor",
    "Profa.": "profesora",
    "Ud.": "usted",
    "Uds.": "ustedes",
    "Vd.": "usted",
    "Vds.": "ustedes",
    "etc.": "etcétera",
    "p. ej.": "por ejemplo",
    "p.ej.": "por ejemplo",
    "Av.": "avenida",
    "Avda.": "avenida",
    "C/": "calle ",
    "núm.": "número",
    "n.º": "número",
    "N.º": "número",
    "nº": "número",
    "Nº": "número",
    "pág.": "página",
    "págs.": "páginas",
    "Ing.": "ingeniero",
    "Lic.": "licenciado",
    "Gral.": "general",
    "Cía.": "compañía",
    "EE. UU.": "Estados Unidos",
    "EE.UU.": "Estados Unidos",
    "EEUU": "Estados Unidos",
    "JJ. OO.": "Juegos Olímpicos",
    "a. C.": "antes de Cristo",
    "d. C.": "después de Cristo",
    "tel.": "teléfono",
    "Tel.": "teléfono",
    "aprox.": "aproximadamente",
    "vs.": "contra",
    "S.A.": "sociedad anónima",
    "Sta.": "santa",
    "Sto.": "santo",
    "a. m.": "de la mañana",
    "p. m.": "de la tarde",
    "kg.": "kilogramos",
    "máx.": "máximo",
    "mín.": "mínimo",
}
_SIGNS = {
    "&": " y ",
    "+": " más ",
    "=": " igual a ",
    "×": " por ",
    "÷": " entre ",
    "±": " más menos ",
    "≈": " aproximadamente ",
    "≤": " menor o igual que ",
    "≥": " mayor o igual que ",
    "→": " a ",
    "°": " grados ",
    "§": " sección ",
    "©": " copyright ",
    "®": "",
    "™": "",
    "@": " arroba ",
    "~": " aproximadamente ",
    "#": " almohadilla ",
    "^": " ",
    "|": ", ",
    "\\": " barra invertida ",
    "•": ", ",
    "·": " ",
    "€": " euros ",
    "£": " libras ",
    "$": " dólares ",
    "¥": " yenes ",
    "%": " por ciento ",
    "µ": " micro ",
}


def _alternatives(words: dict[str, object] | dict[str, str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_CURRENCY = _alternatives(dict.fromkeys(_CURRENCIES, ""))
_UNIT = _alternatives(dict.fromkeys(_UNITS, ""))
_MONTH = "|".join((*_MONTHS, "setiembre"))


_NOT_NOUNS = frozenset(
    [
        "y",
        "o",
        "u",
        "e",
        "a",
        "de",
        "del",
        "en",
        "es",
        "por",
        "para",
        "con",
        "sin",
        "que",
        "se",
        "al",
        "más",
        "menos",
        "como",
        "son",
        "fue",
        "era",
        "hay",
        "ni",
        "pero",
        "si",
        "no",
        "un",
        "una",
        "punto",
        "coma",
        "mil",
        "millón",
        "millones",
    ]
)
_MASCULINE = re.compile(
    r"(?:días?|mapas?|planetas?|sofás?|[a-zá-ú]*(?:ema|oma|ama|ima)s?|[a-zá-ú]*istas?|kilos?)$"
)
_FEMININE_NOUN = re.compile(
    r"(?:[a-zá-ú]*(?:as?|ción|ciones|sión|siones|dad|dades|tud|tudes|umbres?)|manos?|fotos?|motos?|vez|veces"
    r"|mujer|mujeres|noches?|calles?|partes?|clases?|flor|flores|voz|voces|tardes?|llaves?|nubes?|leyes|ley)$"
)


def _gender(following: str) -> str | None:
    """``m`` or ``f`` by the ending of the noun that begins ``following``; None where no noun follows."""
    noun = re.match(r"\s([a-zá-úñü]+)", following)
    if noun is None or noun[1] in _NOT_NOUNS:
        return None
    if _MASCULINE.match(noun[1]):
        return "m"
    return "f" if _FEMININE_NOUN.match(noun[1]) else "m"


class _Reader:
    """The rules for one way of writing decimals."""

    def __init__(self, decimal: str) -> None:
        self.decimal = decimal
        self.group = "." if decimal == "," else ","
        self.decimal_word = "coma" if decimal == "," else "punto"

    def split(self, written: str) -> tuple[str, str]:
        """Whole and decimal digits. A single foreign separator that cannot group is a decimal mark."""
        other = re.fullmatch(rf"(\d+){re.escape(self.group)}(\d+)", written)
        if other and len(other[2]) != 3:
            return other[1], other[2]
        whole, _, decimals = written.replace(self.group, "").replace(" ", "").partition(self.decimal)
        return whole, decimals

    def number(self, written: str, *, feminine: bool = False, short: bool = False) -> str:
        whole, decimals = self.split(written)
        if len(whole) > MAX_CARDINAL_DIGITS or (len(whole) > 1 and whole.startswith("0")):
            spoken = spanish_digits(whole)
        else:
            spoken = spanish_cardinal(int(whole or "0"), feminine=feminine, short=short and not decimals)
        if not decimals:
            return spoken
        zeros = len(decimals) - len(decimals.lstrip("0"))
        tail = decimals.lstrip("0")
        parts = ["cero"] * zeros
        if tail:
            parts.append(spanish_cardinal(int(tail)) if len(tail) <= 3 else spanish_digits(tail))
        return f"{spoken} {self.decimal_word} {' '.join(parts)}"

    def amount(self, written: str, one: str, many: str) -> str:
        whole, decimals = self.split(written)
        head = one.split()[0]
        feminine = head in _FEMININE
        word = one if whole == "1" and not decimals else many
        return f"{self.number(written, feminine=feminine, short=True)} {word}"

    def money(self, match: re.Match[str]) -> str:
        one, many, small_one, small_many = _CURRENCIES[match["before"] or match["after"]]
        written = match["amount"] or match["amount2"]
        magnitude = match["magnitude"] if match["before"] else match["magnitude2"]
        sign = "menos " if match["sign"] else ""
        if magnitude:
            scale = _MAGNITUDES[magnitude]
            of = "" if scale == "mil" else "de "
            short = self.number(written, short=True)
            if scale == "millones" and short == "un":
                scale = "millón"
            return f"{sign}{short} {scale} {of}{many}"
        whole, decimals = self.split(written)
        if len(decimals) == 2 and small_many:
            units, cents = int(whole or "0"), int(decimals)
            parts = []
            if units or not cents:
                parts.append(self.amount(whole, one, many))
            if cents:
                parts.append(
                    f"{spanish_cardinal(cents, short=True)} {small_one if cents == 1 else small_many}"
                )
            return sign + " con ".join(parts)
        return sign + self.amount(written, one, many)

    def measure(self, match: re.Match[str]) -> str:
        one, many = _UNITS[match["unit"]]
        sign = "menos " if match["sign"] else ""
        if match["unit"] in ("%", "‰"):
            return f"{sign}{self.number(match['amount'])} {many}"
        return sign + self.amount(match["amount"], one, many)

    def plain(self, match: re.Match[str]) -> str:
        """A number on its own, in the gender of the noun after it."""
        gender = _gender(match.string[match.end() :])
        return self.number(match.group(), feminine=gender == "f", short=gender is not None)

    def range(self, match: re.Match[str]) -> str:
        return f"{self.number(match['low'])} a {self.number(match['high'])}"


def _date(match: re.Match[str]) -> str | None:
    day, month = int(match["d"]), int(match["m"])
    if month > 12 and day <= 12:
        day, month = month, day
    if not (1 <= day <= 31 and 1 <= month <= 12):
        return None
    year = int(match["y"])
    if len(match["y"]) == 2:
        year += 1900 if year >= 70 else 2000
    return f"{_spoken_day(day)} de {_MONTHS[month - 1]} de {spanish_cardinal(year)}"


def _spoken_day(day: int) -> str:
    return "primero" if day == 1 else spanish_cardinal(day)


def _day_month(match: re.Match[str]) -> str | None:
    if not 1 <= int(match["d"]) <= 31:
        return None
    return f"{_spoken_day(int(match['d']))} de {match['month']}"


def _time(match: re.Match[str]) -> str | None:
    hour, minute = int(match["hour"]), int(match["minute"])
    if hour > 24 or minute > 59:
        return None
    half = (match["half"] or "").lower()
    spoken = spanish_cardinal(hour, feminine=True)
    if minute == 15 and hour <= 12:
        spoken += " y cuarto"
    elif minute == 30 and hour <= 12:
        spoken += " y media"
    elif minute:
        spoken += f" y {spanish_cardinal(minute)}"
    elif not half:
        spoken += " en punto"
    if match["second"]:
        spoken += f" y {spanish_cardinal(int(match['second']))} segundos"
    if half.startswith("a"):
        spoken += " de la mañana"
    elif half.startswith("p"):
        spoken += " de la tarde" if hour < 8 or hour == 12 else " de la noche"
    return spoken


def _hour(match: re.Match[str]) -> str | None:
    hour = int(match["hour"])
    if not 1 <= hour <= 12:
        return None
    morning = match["half"].lower().startswith("a")
    part = "mañana" if morning else ("tarde" if hour < 8 or hour == 12 else "noche")
    return f"{spanish_cardinal(hour, feminine=True)} de la {part}"


def _ratio(top: int, bottom: int) -> str:
    name = _PARTS.get(bottom)
    if name is None:
        return f"{spanish_cardinal(top)} partido por {spanish_cardinal(bottom)}"
    return f"{spanish_cardinal(top, short=True)} {name}{'' if top == 1 else 's'}"


def _fraction(match: re.Match[str]) -> str | None:
    top, bottom = int(match["top"]), int(match["bottom"])
    gender = _gender(match.string[match.end() :])
    if match["whole"] is None and (top, bottom) == (24, 7):
        return "veinticuatro siete"
    if match["whole"] is None and (top, bottom) == (1, 2) and gender is not None:
        return "media" if gender == "f" else "medio"
    if bottom == 0 or bottom > 100 or (match["whole"] is None and not 0 < top < bottom):
        return None
    whole = f"{spanish_cardinal(int(match['whole']))} y " if match["whole"] else ""
    return whole + _ratio(top, bottom)


def _and_a_half(match: re.Match[str]) -> str:
    gender = _gender(" " + match["noun"])
    whole = spanish_cardinal(int(match["whole"]), feminine=gender == "f", short=True)
    return f"{whole} {match['noun']} y {'media' if gender == 'f' else 'medio'}"


def _fraction_sign(match: re.Match[str]) -> str:
    whole = f"{spanish_cardinal(int(match['whole']))} y " if match["whole"] else ""
    return whole + _ratio(*_FRACTIONS[match["sign"]])


def _ordinal(match: re.Match[str]) -> str:
    feminine = match["mark"] in ("ª", "a", "as")
    word = spanish_ordinal(int(match["n"]), feminine=feminine)
    if match["mark"] == "er" and word.endswith("ero"):
        return word[:-1]
    return word


def _telephone(match: re.Match[str]) -> str:
    groups = re.findall(r"\d+", match.group())
    return ("más " if match.group().startswith("+") else "") + ", ".join(spanish_digits(g) for g in groups)


def _web(match: re.Match[str]) -> str:
    spoken = re.sub(r"^https?://", "", match.group().rstrip("/")).replace("www.", "tres uve dobles punto ")
    for sign, word in (
        (".", " punto "),
        ("/", " barra "),
        ("-", " guion "),
        ("_", " guion bajo "),
        ("@", " arroba "),
        ("?", " interrogación "),
        ("=", " igual "),
        (":", " dos puntos "),
        ("#", " almohadilla "),
        ("&", " y "),
        ("%", " por ciento "),
        ("+", " más "),
    ):
        spoken = spoken.replace(sign, word)
    return re.sub(r"\s+", " ", spoken)


def _version(match: re.Match[str]) -> str:
    spoken = " punto ".join(spanish_cardinal(int(part)) for part in match["v"].split("."))
    return ("versión " if match["mark"] else "") + spoken


def _century(match: re.Match[str]) -> str | None:
    value = roman(match["r"])
    return None if value is None else f"{match['name']} {spanish_cardinal(value)}"


def _regnal(match: re.Match[str]) -> str | None:
    value = roman(match["r"])
    if value is None:
        return None
    feminine = match["name"] in ("Isabel", "Guerra Mundial", "María")
    spoken = spanish_ordinal(value, feminine=feminine) if value <= 10 else spanish_cardinal(value)
    return f"{match['name']} {spoken}"


def _world_war(match: re.Match[str]) -> str | None:
    value = roman(match["r"])
    return None if value is None else f"{spanish_ordinal(value, feminine=True)} Guerra Mundial"


def _rules(decimal: str) -> tuple[Rule, ...]:
    reader = _Reader(decimal)
    group, point = re.escape(reader.group), re.escape(decimal)
    amount = (
        rf"\d{{1,3}}(?:{group}\d{{3}})+(?:{point}\d+)?|\d{{1,3}}(?: \d{{3}})+(?:{point}\d+)?|\d+[.,]\d+|\d+"
    )
    magnitude = r"(?:\s?(?P<{}>mil|millones|millón|billones|mill\.|[kKM](?!\w))(?:\s+de)?)?"

    def rule(pattern: str, replacement: Replacement, flags: int = 0) -> Rule:
        return re.compile(pattern, flags), replacement

    return (
        rule(r"(?:https?://|www\.)[^\s,;<>\"]*[\w/]", _web, re.IGNORECASE),
        rule(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b", _web),
        rule(r"\b[a-z][\w-]*\.(?:com|org|net|io|es|mx|edu|gob)\b(?:/[\w/-]*\w)?", _web, re.IGNORECASE),
        rule(r"\b(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})\b", _date),
        rule(r"\b(?P<d>\d{1,2})[/.-](?P<m>\d{1,2})[/.-](?P<y>\d{4}|\d{2})\b(?![/.]\d)", _date),
        rule(rf"\b(?P<d>\d{{1,2}})\.?[ºo]?\sde\s(?P<month>{_MONTH})\b", _day_month, re.IGNORECASE),
        rule(
            r"\b(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?(?:\s?h\b)?"
            r"(?:\s?(?P<half>[aApP]\.?\s?[mM]\b\.?))?(?!\d)",
            _time,
        ),
        rule(r"\b(?P<hour>\d{1,2})\s?(?P<half>[aApP]\.?\s?[mM]\b\.?)", _hour),
        rule(r"\+\d{1,3}(?:[\s-]\d{2,4}){2,5}\b", _telephone),
        rule(r"\b[6789]\d{2}[\s-]\d{2,3}[\s-]\d{2,3}(?:[\s-]\d{2,3})?\b(?!\s?[€$%])", _telephone),
        rule(
            rf"(?P<sign>(?<!\w)-)?(?:(?P<before>{_CURRENCY})\s?(?P<amount>{amount})"
            + magnitude.format("magnitude")
            + rf"|(?<![\w.,])(?P<amount2>{amount})"
            + magnitude.format("magnitude2")
            + rf"\s?(?P<after>{_CURRENCY})(?!\w))",
            reader.money,
        ),
        rule(
            rf"(?P<sign>(?<![\w.])-)?(?<![\w.,])(?P<amount>{amount})\s?(?P<unit>{_UNIT})(?![\w/])",
            reader.measure,
        ),
        rule(r"(?<![\w/.,])(?P<whole>\d{1,3})\s?(?:1/2|½)\s(?P<noun>[a-zá-úñü]{3,})", _and_a_half),
        rule(
            r"(?<![\w/.,])(?:(?P<whole>\d{1,3})\s)?(?P<top>\d{1,2})/(?P<bottom>\d{1,3})(?![\w/])", _fraction
        ),
        rule(rf"(?P<whole>\d+)?\s?(?P<sign>[{''.join(_FRACTIONS)}])", _fraction_sign),
        rule(r"\b(?P<mark>[vV]\.?\s?)(?P<v>\d+(?:\.\d+)+)\b", _version),
        rule(r"(?P<mark>)(?<![\w.,])(?P<v>\d{1,2}\.\d{1,2}\.\d+)(?![\w.]*\d)", _version),
        rule(r"\b(?P<n>\d{1,2})\.?(?P<mark>er|º|ª)(?!\w)", _ordinal),
        rule(
            rf"(?<![\w.,-])(?P<low>\d+(?:{point}\d+)?)\s?[-–](?P<high>\d+(?:{point}\d+)?)(?![\w-])",
            reader.range,
        ),
        rule(rf"(?<![\w.])(?:{_alternatives(_ABBREVIATIONS)})(?![\w])", lambda m: _ABBREVIATIONS[m.group()]),
        rule(r"\b(?P<r>[IVX]{1,4})\sGuerra\sMundial\b", _world_war),
        rule(
            r"\b(?P<name>[Ss]iglos?|[Cc]apítulo|[Tt]omo|[Vv]olumen|[Ff]ase|[Tt]ipo|[Pp]arte)\s(?P<r>[IVXLC]{1,7})\b",
            _century,
        ),
        rule(
            r"\b(?P<name>Felipe|Carlos|Alfonso|Fernando|Isabel|Enrique|Luis|Juan Pablo|Benedicto|Pío|Napoleón"
            r"|Jaime|María)\s(?P<r>[IVX]{1,6})\b",
            _regnal,
        ),
        rule(rf"(?<![\w.])-(?=(?:{amount}))", lambda _: "menos "),
        rule(rf"(?<![A-Za-zÁ-ú])(?:{amount})", reader.plain),
        rule(r"(?<=[A-Za-zÁ-ú])\d+", lambda m: " " + reader.number(m.group())),
        rule(rf"[{re.escape(''.join(_SIGNS))}]", lambda m: _SIGNS[m.group()]),
        rule(r"\s*[–—]\s*|\s-{1,3}\s", lambda _: ", "),
        rule(r"\s*/\s*", lambda _: " barra "),
    )


RULES = _rules(",")
"""Spain and most of South America: 1.234,50."""

DECIMAL_POINT_RULES = _rules(".")
"""Mexico, Central America and the Caribbean: 1,234.50."""
