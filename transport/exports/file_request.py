"""Parses a request for an export: the file, its format, and the encoding of the response."""

from dataclasses import dataclass
from http import HTTPMethod, HTTPStatus
from typing import Any

from starlette.requests import Request

from execution.if_none_match import IfNoneMatch
from resolvers.exports.catalogue import EXPORTS
from resolvers.exports.export import Export
from resolvers.exports.opening import ExportMetadata, TargetFile
from transport.exports.formats.catalogue import FORMATS
from transport.exports.formats.writer import Writer
from transport.exports.problems import ExportRefused
from transport.header_fields import list_field
from transport.negotiation import accepts, prefers_gzip

_MAX_REPEATED = 100
"""Characters of a name that are repeated in an error message."""


@dataclass(frozen=True, slots=True)
class FileRequest:
    """A request for a file.

    Attributes:
        export: Which export.
        extension: The extension of the file's name, which selects the format.
        writer_type: The format.
        query: The parameters of the address, as they were sent.
        gzip: Whether the file is sent compressed.
        condition: The header If-None-Match.
    """

    export: Export[Any]
    extension: str
    writer_type: type[Writer]
    query: list[tuple[str, str]]
    gzip: bool
    condition: IfNoneMatch

    @property
    def file(self) -> TargetFile:
        """The file, as the resolvers see it."""
        writer_type = self.writer_type
        return TargetFile(
            f"{self.export.name}.{self.extension}", writer_type.resumable, writer_type.max_rows
        )

    def headers(self, metadata: ExportMetadata, request_id: str) -> dict[str, str]:
        """The headers of the response, without the number of rows."""
        file_name = f"{metadata.name}-{metadata.at:%Y-%m-%d}.{self.extension}"
        headers = {
            "content-type": self.writer_type.content_type,
            "content-disposition": f'attachment; filename="{file_name}"',
            "etag": f'W/"{metadata.tag}"',
            "cache-control": "private, no-cache",
            "vary": "authorization, accept, accept-encoding",
            "x-export-cursor": metadata.cursor,
            "x-accel-buffering": "no",
            "x-request-id": request_id,
        }
        if self.gzip:
            headers["content-encoding"] = "gzip"
        return headers


def parse_request(request: Request) -> FileRequest:
    """Parse the method, the file's name and the headers of a request.

    Raises:
        ExportRefused: The method is another than GET and HEAD, there is no such export or format,
            or the client does not accept the format.
    """
    if request.method not in (HTTPMethod.GET, HTTPMethod.HEAD):
        raise ExportRefused(
            HTTPStatus.METHOD_NOT_ALLOWED,
            "BAD_REQUEST",
            "Exports are fetched with GET.",
            headers={"allow": "GET, HEAD"},
        )
    name, _, extension = str(request.path_params["file"]).partition(".")
    if name not in EXPORTS:
        raise ExportRefused(
            HTTPStatus.NOT_FOUND,
            "UNKNOWN_EXPORT",
            f"There is no export {name[:_MAX_REPEATED]!r}. There are: {', '.join(EXPORTS)}.",
        )
    if extension not in FORMATS:
        raise ExportRefused(
            HTTPStatus.NOT_FOUND,
            "UNKNOWN_FORMAT",
            f"There is no format {extension[:_MAX_REPEATED]!r}. There are: {', '.join(FORMATS)}.",
        )
    writer_type = FORMATS[extension]
    headers = request.scope["headers"]
    if not accepts(list_field(headers, b"accept") or "", _media_type(writer_type)):
        raise ExportRefused(HTTPStatus.NOT_ACCEPTABLE, "NOT_ACCEPTABLE", _offers(name, extension))
    return FileRequest(
        export=EXPORTS[name],
        extension=extension,
        writer_type=writer_type,
        query=request.query_params.multi_items(),
        gzip=writer_type.compressible
        and prefers_gzip(list_field(headers, b"accept-encoding") or ""),
        condition=IfNoneMatch.parse(list_field(headers, b"if-none-match") or ""),
    )


def _media_type(writer_type: type[Writer]) -> str:
    return writer_type.content_type.partition(";")[0]


def _offers(name: str, extension: str) -> str:
    files = ", ".join(
        f"{name}.{other} ({_media_type(writer_type)})" for other, writer_type in FORMATS.items()
    )
    return (
        f"{name}.{extension} is {_media_type(FORMATS[extension])}, which the header Accept"
        f" excludes. There are: {files}."
    )
