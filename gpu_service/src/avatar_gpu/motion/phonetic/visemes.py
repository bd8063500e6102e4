"""Visemes: what the mouth aims at for a class of phones, and how strongly it insists.

Targets are ARKit coefficients of a face that speaks at conversational loudness; names without a side move
both sides, and the table uses short names. ``strength`` and ``width_s`` are the magnitude and the reach of
Cohen and Massaro's dominance functions ("Modeling coarticulation in synthetic visual speech", 1993): a strong
shape is kept against its neighbours, a weak one gives way to them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

PARAMETERS = (
    "jawOpen",
    "mouthPress",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthUpperUp",
    "mouthLowerDown",
    "mouthStretch",
    "mouthSmile",
    "mouthFunnel",
    "mouthPucker",
    "tongueUp",
    "tongueOut",
)
"""The symmetric mouth parameters in the order of every (…, P) array of this package."""

PARAMETER_INDEX = {name: index for index, name in enumerate(PARAMETERS)}
ROUNDING = ("mouthFunnel", "mouthPucker")
"""Parameters that lips prepare early and that tongue consonants leave to their neighbours."""

_SHORT = {
    "jaw": "jawOpen",
    "press": "mouthPress",
    "rollLower": "mouthRollLower",
    "rollUpper": "mouthRollUpper",
    "upper": "mouthUpperUp",
    "lower": "mouthLowerDown",
    "stretch": "mouthStretch",
    "smile": "mouthSmile",
    "funnel": "mouthFunnel",
    "pucker": "mouthPucker",
    "tongue": "tongueUp",
    "out": "tongueOut",
}


class Contact(Enum):
    """A constriction of the lips that must happen, however fast the speech."""

    CLOSED = "closed"
    NARROW = "narrow"
    TEETH = "teeth"


@dataclass(frozen=True)
class Viseme:
    """One mouth shape."""

    targets: Mapping[str, float]
    strength: float = 1.0
    width_s: float = 0.045
    yields_rounding: bool = False
    vowel: bool = False
    contact: Contact | None = None


def _shape(targets: str) -> dict[str, float]:
    words = targets.split()
    return {_SHORT[name]: float(value) for name, value in zip(words[::2], words[1::2], strict=True)}


def _lips(targets: str, strength: float, width_s: float, contact: Contact | None = None) -> Viseme:
    return Viseme(_shape(targets), strength, width_s, contact=contact)


def _tongue(targets: str, strength: float, width_s: float = 0.040) -> Viseme:
    return Viseme(_shape(targets), strength, width_s, yields_rounding=True)


def _vowel(targets: str, strength: float = 1.0, width_s: float = 0.045) -> Viseme:
    return Viseme(_shape(targets), strength, width_s, vowel=True)


VISEMES: dict[str, Viseme] = {
    # lips
    "PP": _lips("press .55 rollLower .17 rollUpper .13 jaw .04", 2.2, 0.037, Contact.CLOSED),
    "BV": _lips("jaw .09 press .12 rollLower .08 lower .02", 1.8, 0.037, Contact.NARROW),
    "FF": _lips("jaw .08 rollLower .75 upper .45 stretch .08", 2.2, 0.038, Contact.TEETH),
    "WW": _lips("jaw .07 funnel .22 pucker .78", 1.7, 0.051),
    "YY": _lips("jaw .07 funnel .20 pucker .70 tongue .60", 1.6, 0.049),
    "CH": _lips("jaw .055 funnel .48 pucker .10 lower .14 upper .15 tongue .50", 1.5, 0.048),
    "TS": _lips("jaw .055 funnel .30 pucker .05 lower .18 upper .16 tongue .55", 1.3, 0.043),
    "RR": _lips("jaw .12 funnel .28 pucker .14 tongue .40", 0.85, 0.045),
    # tongue
    "TH": _tongue("jaw .09 lower .14 upper .15 tongue .70 out .22", 1.1),
    "DD": _tongue("jaw .075 lower .14 upper .10 stretch .08 tongue .85", 0.65),
    "SS": _tongue("jaw .04 stretch .26 lower .24 upper .20 tongue .60", 1.2, 0.041),
    "CC": _tongue("jaw .05 stretch .28 smile .10 lower .22 upper .20 tongue .60", 1.2, 0.043),
    "TR": _tongue("jaw .12 lower .14 upper .10 tongue .80", 0.7),
    "JJ": _tongue("jaw .07 stretch .26 smile .14 lower .20 upper .14 tongue .55", 0.9),
    "KK": _tongue("jaw .11 lower .10 upper .08 tongue .30", 0.45),
    "HH": _tongue("jaw .20 lower .10 upper .06", 0.2),
    # vowels
    "aa": _vowel("jaw .46 lower .18 upper .12 stretch .05", 1.1),
    "ae": _vowel("jaw .38 lower .20 upper .15 stretch .22 tongue .10", 1.05),
    "ah": _vowel("jaw .33 lower .16 upper .10 tongue .10"),
    "ax": _vowel("jaw .23 lower .12 upper .08 tongue .20", 0.7),
    "er": _vowel("jaw .22 funnel .24 pucker .08 lower .10 tongue .35", 0.9),
    "eh": _vowel("jaw .33 stretch .27 lower .20 upper .15 tongue .30"),
    "ih": _vowel("jaw .16 stretch .28 smile .12 lower .22 upper .16 tongue .50", 0.9),
    "ii": _vowel("jaw .09 stretch .34 smile .22 lower .24 upper .18 tongue .60", 1.1),
    "oh": _vowel("jaw .30 funnel .55 pucker .12", 1.25, 0.049),
    "uh": _vowel("jaw .18 funnel .30 pucker .42", 1.1, 0.049),
    "uu": _vowel("jaw .13 funnel .22 pucker .72", 1.5, 0.051),
    "yy": _vowel("jaw .09 funnel .20 pucker .64 tongue .50", 1.4, 0.049),
    "oe": _vowel("jaw .20 funnel .42 pucker .30 tongue .30", 1.2, 0.049),
    "vv": _vowel("jaw .23 stretch .12 lower .16 upper .10 tongue .20"),
    "ir": _vowel("jaw .10 stretch .12 funnel .14 lower .20 upper .15 tongue .50"),
    "is": _vowel("jaw .075 stretch .28 lower .24 upper .18 tongue .55"),
}
