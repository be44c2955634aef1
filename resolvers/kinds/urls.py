"""The check of web, mail and telephone addresses in links and images."""

import re
from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import unquote, urlsplit

from resolvers.kinds.checks import Violation
from resolvers.kinds.personal_numbers import no_personal_number

LINK_SCHEMES: Final = ("https", "http", "mailto", "tel")
IMAGE_SCHEMES: Final = ("https", "http")
_FORBIDDEN_IN_URL = re.compile(
    r"""[{}\s\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\\<>"`^|]"""
)
_HOST = re.compile(r"\[[0-9A-Fa-f:.]+\]|\w(?:[\w-]*\w)?(?:\.\w(?:[\w-]*\w)?)*\.?")


def check_url(url: str, schemes: Sequence[str] = LINK_SCHEMES) -> Iterator[Violation]:
    """Check that an address is absolute, has an allowed scheme, and does not hide its target."""
    yield from no_personal_number(unquote(url))
    if _FORBIDDEN_IN_URL.search(url):
        yield Violation("URL_INVALID", "Ta bort blanksteg och otillåtna tecken ur adressen.")
        return
    scheme, _, rest = url.partition(":")
    if scheme.lower() not in schemes:
        starts = _alternatives([f"{name}:" for name in schemes])
        yield Violation("URL_SCHEME", f"Skriv hela adressen; den ska börja med {starts}.")
        return
    if scheme.lower() in IMAGE_SCHEMES:
        yield from _check_authority(url)
    elif not rest.partition("?")[0]:
        yield Violation("URL_INVALID", "Ange e-postadress eller telefonnummer efter kolonet.")


def _check_authority(url: str) -> Iterator[Violation]:
    try:
        parts = urlsplit(url)
        _ = parts.port  # validates the port number
    except ValueError:
        yield Violation("URL_INVALID", "Rätta adressen: värdnamnet eller porten är felskriven.")
        return
    host = parts.netloc.rpartition("@")[2]
    if "@" in parts.netloc:
        yield Violation(
            "URL_USERINFO", "Ta bort användarnamn och lösenord (allt före @) ur adressen."
        )
    if not _HOST.fullmatch(re.sub(r":\d*$", "", host)):
        yield Violation("URL_HOST", "Ange ett värdnamn efter https://, till exempel www.1177.se.")


def _alternatives(words: Sequence[str]) -> str:
    return " eller ".join([", ".join(words[:-1]), words[-1]])
