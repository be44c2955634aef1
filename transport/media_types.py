"""The media types of the GraphQL endpoint: of responses, and of the bodies that it reads.

Source: GraphQL over HTTP, "Accept" and "Content-Type".
"""

from functools import lru_cache

from transport.negotiation import best_media_type, parse_parameters

JSON = "application/json"
RESPONSE_JSON = "application/graphql-response+json"
EVENT_STREAM = "text/event-stream"
_OFFERED = (JSON, RESPONSE_JSON, EVENT_STREAM)
_CACHED = 128


@lru_cache(maxsize=_CACHED)
def response_media_type(accept: str) -> str | None:
    """Choose the media type of the response; None if the client accepts none of them.

    Without a preference it is JSON.
    """
    return best_media_type(accept, _OFFERED)


@lru_cache(maxsize=_CACHED)
def is_json(content_type: str) -> bool:
    """Whether a `Content-Type` header declares JSON in UTF-8."""
    name, parameters = parse_parameters(content_type)
    return name == JSON and parameters.get("charset", "utf-8").lower() in {"utf-8", "utf8"}
