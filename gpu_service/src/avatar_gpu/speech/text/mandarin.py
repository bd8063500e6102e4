"""Mandarin: what a reader says for numbers, money, dates, times, units and signs."""

from __future__ import annotations

import re

from avatar_gpu.speech.text.aligned import Replacement
from avatar_gpu.speech.text.numbers import MAX_CARDINAL_DIGITS, mandarin_cardinal, mandarin_digits

Rule = tuple[re.Pattern[str], Replacement]

_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_CURRENCIES = {
    "US$": "美元",
    "$": "美元",
    "€": "欧元",
    "£": "英镑",
    "¥": "元",
    "￥": "元",
    "CN¥": "元",
    "HK$": "港元",
    "₩": "韩元",
    "₽": "卢布",
    "₹": "卢比",
    "USD": "美元",
    "EUR": "欧元",
    "GBP": "英镑",
    "CNY": "人民币",
    "RMB": "人民币",
    "JPY": "日元",
    "HKD": "港元",
}
_UNITS = {
    "km/h": "公里每小时",
    "m/s": "米每秒",
    "km²": "平方公里",
    "m²": "平方米",
    "㎡": "平方米",
    "m³": "立方米",
    "°C": "摄氏度",
    "℃": "摄氏度",
    "ºC": "摄氏度",
    "°F": "华氏度",
    "℉": "华氏度",
    "°": "度",
    "km": "公里",
    "cm": "厘米",
    "mm": "毫米",
    "m": "米",
    "nm": "纳米",
    "μm": "微米",
    "kg": "公斤",
    "㎏": "公斤",
    "g": "克",
    "mg": "毫克",
    "ml": "毫升",
    "mL": "毫升",
    "L": "升",
    "l": "升",
    "ms": "毫秒",
    "s": "秒",
    "min": "分钟",
    "h": "小时",
    "Hz": "赫兹",
    "kHz": "千赫兹",
    "MHz": "兆赫兹",
    "GHz": "吉赫兹",
    "KB": "千字节",
    "MB": "兆字节",
    "GB": "吉字节",
    "TB": "太字节",
    "Mbps": "兆比特每秒",
    "W": "瓦",
    "kW": "千瓦",
    "kWh": "千瓦时",
    "V": "伏",
    "mAh": "毫安时",
    "dB": "分贝",
    "px": "像素",
    "fps": "帧每秒",
}
_FRACTIONS = {
    "½": "二分之一",
    "⅓": "三分之一",
    "⅔": "三分之二",
    "¼": "四分之一",
    "¾": "四分之三",
    "⅛": "八分之一",
}
_MEASURE_WORDS = (
    "个只条张本件位名次家辆台部座棵杯瓶碗块片页封双对群头匹套间层句段首支把种倍天周年小时分钟秒岁米公里斤吨"
    "元万亿千百"
)
_SIGNS = {
    "&": "和",
    "+": "加",
    "=": "等于",
    "×": "乘以",
    "÷": "除以",
    "±": "正负",
    "≈": "约等于",
    "≤": "小于等于",
    "≥": "大于等于",
    "<": "小于",
    ">": "大于",
    "→": "到",
    "°": "度",
    "@": " at ",
    "#": "井号",
    "~": "到",
    "^": "",
    "|": "，",
    "\\": "",
    "•": "，",
    "·": "",
    "€": "欧元",
    "£": "英镑",
    "$": "美元",
    "¥": "元",
    "%": "百分号",
    "‰": "千分号",
    "©": "",
    "®": "",
    "™": "",
    "_": "",
    "*": "",
}
_DATE_END = r"(?![\d/.-]*\d)"


def number(written: str) -> str:
    """``1,234.50`` → ``一千二百三十四点五零``."""
    whole, _, decimals = written.replace(",", "").partition(".")
    if len(whole) > MAX_CARDINAL_DIGITS or (len(whole) > 1 and whole.startswith("0")):
        spoken = mandarin_digits(whole)
    else:
        spoken = mandarin_cardinal(int(whole))
    return f"{spoken}点{mandarin_digits(decimals)}" if decimals else spoken


def _counted(written: str) -> str:
    """Before a measure word a lone 2 is 两."""
    return "两" if written == "2" else number(written)


def _percent(match: re.Match[str]) -> str:
    sign = "负" if match["sign"] else ""
    part = "百" if match["mark"] == "%" else "千"
    return f"{sign}{part}分之{number(match['n'])}"


def _percent_range(match: re.Match[str]) -> str:
    return f"百分之{number(match['low'])}到百分之{number(match['high'])}"


def _money(match: re.Match[str]) -> str:
    name = _CURRENCIES[match["before"] or match["after"]]
    written = match["amount"] or match["amount2"]
    scale = (match["scale"] or "") if match["before"] else (match["scale2"] or "")
    sign = "负" if match["sign"] else ""
    whole, _, decimals = written.replace(",", "").partition(".")
    if name == "元" and len(decimals) == 2 and not scale:
        units, jiao, fen = int(whole), int(decimals[0]), int(decimals[1])
        parts = [f"{_counted(str(units))}元"] if units or not (jiao or fen) else []
        if jiao:
            parts.append(f"{_counted(str(jiao)) if not units else mandarin_cardinal(jiao)}角")
        elif fen and units:
            parts.append("零")
        if fen:
            parts.append(f"{mandarin_cardinal(fen)}分")
        return sign + "".join(parts)
    if decimals.strip("0") == "":
        written = whole
    return f"{sign}{_counted(written)}{scale}{name}"


def _measure(match: re.Match[str]) -> str:
    unit = _UNITS[match["unit"]]
    minus = ("零下" if unit == "摄氏度" else "负") if match["sign"] else ""
    return f"{minus}{_counted(match['n'])}{unit}"


def _date(match: re.Match[str]) -> str | None:
    month, day = int(match["m"]), int(match["d"])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    return f"{mandarin_digits(match['y'])}年{mandarin_cardinal(month)}月{mandarin_cardinal(day)}日"


def _year(match: re.Match[str]) -> str:
    return mandarin_digits(match["y"])


def _time(match: re.Match[str]) -> str | None:
    hour, minute = int(match["hour"]), int(match["minute"])
    if hour > 24 or minute > 59:
        return None
    spoken = f"{_counted(str(hour))}点"
    if minute:
        spoken += ("零" if minute < 10 else "") + f"{mandarin_cardinal(minute)}分"
    else:
        spoken += "" if match["second"] else "整"
    if match["second"]:
        spoken += f"{mandarin_cardinal(int(match['second']))}秒"
    half = (match["half"] or "").lower()
    if half:
        return ("上午" if half.startswith("a") else "下午") + spoken.removesuffix("整")
    return spoken


def _score(match: re.Match[str]) -> str:
    return f"{number(match['a'])}比{number(match['b'])}"


def _fraction(match: re.Match[str]) -> str | None:
    top, bottom = int(match["top"]), int(match["bottom"])
    if (top, bottom) == (24, 7):
        return "二十四七"
    if bottom == 0 or not 0 < top < bottom:
        return None
    return f"{mandarin_cardinal(bottom)}分之{mandarin_cardinal(top)}"


def _range(match: re.Match[str]) -> str:
    low, high = match["low"], match["high"]
    if len(low) == 4 and len(high) == 4 and low[0] in "12":
        return f"{mandarin_digits(low)}到{mandarin_digits(high)}"
    return f"{_counted(low)}到{_counted(high)}"


def _version(match: re.Match[str]) -> str:
    spoken = "点".join(mandarin_cardinal(int(part)) for part in match["v"].split("."))
    return ("版本" if match["mark"] else "") + spoken


def _telephone(match: re.Match[str]) -> str:
    groups = re.findall(r"\d+", match.group())
    return ("加" if match.group().startswith("+") else "") + "，".join(
        mandarin_digits(group, telephone=True) for group in groups
    )


def _plain_number(match: re.Match[str]) -> str:
    written = match["n"]
    following = match.string[match.end() : match.end() + 2]
    if written == "2" and following and following[0] in _MEASURE_WORDS and not following.startswith("月"):
        return "两"
    return number(written)


def _rule(pattern: str, replacement: Replacement) -> Rule:
    return re.compile(pattern), replacement


def _alternatives(words: dict[str, str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_CURRENCY = _alternatives(_CURRENCIES)
_UNIT = _alternatives(_UNITS)

RULES: tuple[Rule, ...] = (
    _rule(rf"(?<!\d)(?P<y>\d{{4}})[-/.](?P<m>\d{{1,2}})[-/.](?P<d>\d{{1,2}}){_DATE_END}", _date),
    _rule(r"(?<!\d)(?P<low>[12]\d{3})\s?[-–~]\s?(?P<high>[12]\d{3})(?=\s?年)", _range),
    _rule(r"(?<!\d)(?P<y>\d{4})(?=\s?年)", _year),
    _rule(r"(?<!\d)(?P<y>\d{2})(?=\s?年(?:代|级))", lambda m: mandarin_cardinal(int(m["y"]))),
    _rule(r"(?P<y>(?<!\d)\d{2})(?=\s?年\s?\d{1,2}\s?月)", _year),
    _rule(
        r"(?:比分|以)\s?(?P<a>\d{1,3})[:：](?P<b>\d{1,3})",
        lambda m: m.group()[:2].rstrip("0123456789") + _score(m),
    ),
    _rule(
        r"(?<!\d)(?P<hour>\d{1,2})[:：](?P<minute>\d{2})(?:[:：](?P<second>\d{2}))?"
        r"(?:\s?(?P<half>[aApP]\.?[mM]\.?))?(?!\d)",
        _time,
    ),
    _rule(r"(?<!\d)(?P<a>\d{1,3})[:：](?P<b>\d{1,3})(?!\d)", _score),
    _rule(r"\+\d{1,3}(?:[\s-]\d{2,4}){2,4}(?!\d)", _telephone),
    _rule(r"(?<!\d)1[3-9]\d(?:[\s-]?\d{4}){2}(?!\d)", _telephone),
    _rule(r"(?<!\d)0\d{2,3}-\d{7,8}(?!\d)|(?<!\d)400-\d{3,4}-\d{3,4}(?!\d)", _telephone),
    _rule(rf"(?P<low>{_NUMBER})%?\s?[-–~到至]\s?(?P<high>{_NUMBER})%", _percent_range),
    _rule(rf"(?P<sign>(?<![\w.])-)?(?P<n>{_NUMBER})\s?(?P<mark>[%‰])", _percent),
    _rule(
        rf"(?P<sign>(?<!\w)-)?(?:(?P<before>{_CURRENCY})\s?(?P<amount>{_NUMBER})\s?(?P<scale>[百千万亿]+)?"
        rf"|(?P<amount2>{_NUMBER})\s?(?P<scale2>[百千万亿]+)?\s?(?P<after>{_CURRENCY}))",
        _money,
    ),
    _rule(
        rf"(?P<sign>(?<![\w.])-)?(?<![A-Za-z.])(?P<n>{_NUMBER})\s?(?P<unit>{_UNIT})(?![A-Za-z/])", _measure
    ),
    _rule(r"(?<![\d/.])(?P<top>\d{1,3})/(?P<bottom>\d{1,3})(?![\d/])", _fraction),
    _rule(rf"[{''.join(_FRACTIONS)}]", lambda m: _FRACTIONS[m.group()]),
    _rule(r"(?P<mark>[vV]\.?)(?P<v>\d+(?:\.\d+)+)", _version),
    _rule(r"(?P<mark>)(?<![\d.])(?P<v>\d+\.\d+\.\d+(?:\.\d+)*)(?!\d)", _version),
    _rule(rf"(?<![\d.-])(?P<low>{_NUMBER})\s?[-–~]\s?(?P<high>{_NUMBER})(?![\d-])", _range),
    _rule(r"(?<=第)2(?!\d)", lambda _: "二"),
    _rule(rf"(?<![\w.])-(?={_NUMBER})", lambda _: "负"),
    _rule(rf"(?P<n>{_NUMBER})", _plain_number),
    _rule(rf"[{re.escape(''.join(_SIGNS))}]", lambda m: _SIGNS[m.group()]),
    _rule(r"\s*(?:——|—|–|\s-\s)\s*", lambda _: "，"),
    _rule(r"…+|\.{3,}", lambda _: "，"),
)
"""Applied in this order; see each function for what it says."""
