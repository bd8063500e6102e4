"""Names that people choose for files. A name is looked up among names, and is never joined to a path."""

from __future__ import annotations

import unicodedata

from avatar_contracts.problems import NameUnsafe

MAX_NAME_BYTES = 128
_PUNCTUATION = frozenset(" ._-()+,&'")
_CATEGORIES = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Nd", "Mn", "Mc"})


def safe_name(name: str) -> str:
    """``name``, unchanged, when it is one plain file name.

    Letters and digits of any script and the marks `` ._-()+,&'`` are allowed; separators, control and
    direction characters, leading dots and anything that another normal form would spell differently are not.

    Raises:
        NameUnsafe: with what is wrong, never with the name itself.
    """
    if not name:
        raise NameUnsafe("The name is empty; give the file a name such as 'portrait.jpg'.")
    if len(name.encode("utf-8", "replace")) > MAX_NAME_BYTES:
        raise NameUnsafe(f"The name is longer than {MAX_NAME_BYTES} bytes.")
    if "/" in name or "\\" in name:
        raise NameUnsafe("The name holds a path separator; send the file's name alone.")
    if unicodedata.normalize("NFC", name) != name or unicodedata.normalize("NFKC", name) != name:
        raise NameUnsafe("The name is not in Unicode's composed form; spell it with plain characters.")
    for character in name:
        if character not in _PUNCTUATION and unicodedata.category(character) not in _CATEGORIES:
            raise NameUnsafe(
                f"The name holds the character U+{ord(character):04X}; "
                "use letters, digits, spaces, dots, hyphens and underscores."
            )
    if name[0] in ". -" or name[-1] in ". ":
        raise NameUnsafe("The name starts or ends with a dot, a space or a hyphen.")
    return name


def stem(name: str) -> str:
    """``name`` without its last extension: ``maria.es.wav`` → ``maria.es``."""
    head, dot, tail = name.rpartition(".")
    return head if dot and head and tail.isalnum() else name
