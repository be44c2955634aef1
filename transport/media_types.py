"""What a client accepts of what the endpoint can answer in.

Source: GraphQL over HTTP, "Accept"; RFC 9110, section 12.5.1.
"""

from functools import lru_cache

JSON = "application/json"
RESPONSE_JSON = "application/graphql-response+json"
EVENT_STREAM = "text/event-stream"
_OFFERED = (JSON, RESPONSE_JSON, EVENT_STREAM)
_WILDCARDS = frozenset({"*/*", "application/*"})


@lru_cache(maxsize=128)
def negotiated(accept: str) -> str | None:
    """The media type to answer in: the first of those with the highest quality; None where nothing
    fits. Who says nothing gets JSON.
    """
    if not accept.strip():
        return JSON
    best, chosen = 0.0, None
    for part in accept.split(","):
        quality, name = _weighed(part)
        media = JSON if name in _WILDCARDS else name
        if quality > best and media in _OFFERED:
            best, chosen = quality, media
    return chosen


def _weighed(part: str) -> tuple[float, str]:
    name, *parameters = (piece.strip() for piece in part.lower().split(";"))
    try:
        return (
            next(
                (float(parameter[2:]) for parameter in parameters if parameter.startswith("q=")),
                1.0,
            ),
            name,
        )
    except ValueError:
        return 0.0, name


@lru_cache(maxsize=128)
def is_json(content_type: str) -> bool:
    """Whether a body is said to be JSON in UTF-8."""
    name, *parameters = (piece.strip() for piece in content_type.lower().split(";"))
    charset = next(
        (parameter[8:].strip('"') for parameter in parameters if parameter.startswith("charset=")),
        "utf-8",
    )
    return name == JSON and charset in {"utf-8", "utf8"}
