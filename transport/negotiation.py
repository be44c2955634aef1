"""Parses headers of the form of `Accept`, and chooses between what the server can send.

Source: RFC 9110, sections 5.6 (lists, parameters), 12.4.2 (quality values), 12.5.1 (`Accept`) and
12.5.3 (`Accept-Encoding`).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

_CACHED = 128
_QUALITY = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")
_QUOTED = r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)'
_UP_TO = {
    separator: re.compile(rf'(?:[^"{separator}]++|{_QUOTED})*+', re.DOTALL) for separator in ",;"
}
"""Match the text up to the next separator that is not in a quoted string; it may be empty."""


@dataclass(frozen=True, slots=True)
class Preference:
    """One member of a header: a media range or a content coding, in lower case, and its weight.

    `quality` is between 0 and 1. With 0 the client refuses what the name stands for.
    """

    name: str
    quality: float


@lru_cache(maxsize=_CACHED)
def parse_preferences(header: str) -> tuple[Preference, ...]:
    """Parse the members of a header in order.

    Other parameters than `q` are ignored. A member without a name, or with a quality value of
    another form, is left out.
    """
    preferences = []
    for member in _split(header, ","):
        name, parameters = parse_parameters(member)
        quality = parameters.get("q", "1")
        if name and _QUALITY.fullmatch(quality):
            preferences.append(Preference(name, float(quality)))
    return tuple(preferences)


def parse_parameters(value: str) -> tuple[str, dict[str, str]]:
    """Split a value such as `text/csv; charset=utf-8` into its name and its parameters.

    The name and the parameters' names are in lower case. Quotes around a parameter's value are
    removed. If a parameter is repeated, the first one counts.
    """
    name, *rest = _split(value, ";")
    parameters: dict[str, str] = {}
    for parameter in rest:
        key, _, text = parameter.partition("=")
        parameters.setdefault(key.lower(), text[1:-1] if _is_quoted(text) else text)
    return name.lower(), parameters


def best_media_type(header: str, offers: Sequence[str]) -> str | None:
    """Choose the media type to send.

    Args:
        header: The header `Accept`; without members it accepts everything.
        offers: Media types in lower case and without parameters, the server's favourite first.

    Returns:
        The offer with the highest quality; of several, the one that the header names first. None
        if the client accepts none of them.
    """
    preferences = parse_preferences(header)
    if not preferences and not header.strip():
        return offers[0]
    best: tuple[float, int] | None = None
    chosen = None
    for offer in offers:
        matching = _matching(preferences, _ranges_of(offer))
        if matching is None:
            continue
        place, preference = matching
        rank = (preference.quality, -place)
        if preference.quality > 0 and (best is None or rank > best):
            best, chosen = rank, offer
    return chosen


def accepts(header: str, media_type: str) -> bool:
    """Whether an `Accept` header accepts a media type."""
    return best_media_type(header, [media_type]) is not None


def names(header: str, media_type: str) -> bool:
    """Whether an `Accept` header accepts a media type by its full name, not only by a range."""
    return any(
        preference.name == media_type and preference.quality > 0
        for preference in parse_preferences(header)
    )


def prefers_gzip(header: str) -> bool:
    """Whether an `Accept-Encoding` header accepts gzip, and does not prefer no compression."""
    preferences = parse_preferences(header)
    gzip = _matching(preferences, ("gzip", "*"))
    plain = _matching(preferences, ("identity",))
    return (
        gzip is not None
        and gzip[1].quality > 0
        and (plain is None or gzip[1].quality >= plain[1].quality)
    )


def _ranges_of(media_type: str) -> tuple[str, ...]:
    """The ranges that a media type is in, the most specific first."""
    return media_type, f"{media_type.partition('/')[0]}/*", "*/*"


def _matching(
    preferences: Iterable[Preference], ranges: Sequence[str]
) -> tuple[int, Preference] | None:
    """The most specific preference for one of some ranges, and its place in the header.

    Of several that are equally specific, the one with the highest quality.
    """
    found = [
        (ranges.index(preference.name), -preference.quality, place, preference)
        for place, preference in enumerate(preferences)
        if preference.name in ranges
    ]
    if not found:
        return None
    _, _, place, preference = min(found, key=lambda match: match[:3])
    return place, preference


def _split(value: str, separator: str) -> list[str]:
    """Split at a separator outside quoted strings; white space around the parts is removed."""
    parts = []
    position = 0
    while position <= len(value):
        match = _UP_TO[separator].match(value, position)
        end = match.end() if match else len(value)
        parts.append(value[position:end].strip(" \t"))
        position = end + 1
    return parts


def _is_quoted(text: str) -> bool:
    return len(text) > 1 and text[0] == text[-1] == '"'
