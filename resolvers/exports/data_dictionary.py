"""Writes the data dictionary from the tables of columns and parameters of the exports."""

import sys
from collections.abc import Iterator
from textwrap import fill
from typing import Any

from resolvers.exports.catalogue import EXPORTS
from resolvers.exports.columns import ColumnType
from resolvers.exports.export import Export

_TYPES = {
    ColumnType.TEXT: ("text", "text", "text", "`string`", "text"),
    ColumnType.INTEGER: ("integer", "digits", "number", "`int64`", "number"),
    ColumnType.BOOLEAN: ("boolean", "`true`, `false`", "`true`, `false`", "`bool`", "TRUE, FALSE"),
    ColumnType.TIME: (
        "time",
        "RFC 3339 in UTC",
        "RFC 3339 in UTC",
        "`timestamp[ms, tz=UTC]`",
        "date and time, UTC",
    ),
    ColumnType.TEXTS: (
        "list of texts",
        "separated by a vertical bar",
        "array",
        "`list<string>`",
        "separated by a vertical bar",
    ),
    ColumnType.JSON: (
        "JSON",
        "JSON in one line",
        "as is",
        "`string` with JSON",
        "JSON in one line",
    ),
}

_HEAD = """# Data dictionary

The columns and parameters of every [export](guides/reporting.md). `make dictionary` generates this
page from the code: do not edit it. Any cell may be empty, because there is no value or because the
viewer may not see it. "Then" is the time that the file shows.

## Types

| Type | CSV | NDJSON | Parquet | XLSX |
|---|---|---|---|---|
"""


def page() -> str:
    """Write the page, in Markdown."""
    types = "\n".join(f"| {' | '.join(cells)} |" for cells in _TYPES.values())
    return (
        _HEAD
        + types
        + "\n"
        + "".join("\n" + part + "\n" for export in EXPORTS.values() for part in _section(export))
    )


def _section(export: Export[Any]) -> Iterator[str]:
    yield f"## {export.name}"
    yield fill(f"{export.meaning} Ordered by principal, then {export.order}.", 100)
    parameters = [
        f"| `{name}` |"
        f" {parameter.meaning}{' Several, separated by commas.' if parameter.several else ''} |"
        for name, parameter in export.parameters.items()
    ]
    yield "\n".join(["| Parameter | Selects |", "|---|---|", *parameters])
    columns = [
        f"| `{column.name}` | {_TYPES[column.type][0]} | {column.unit} |"
        f" {column.meaning}{f' Only with `{column.name}=true`.' if column.on_request else ''} |"
        f" {f'`{column.source}`' if column.source != '–' else '–'} |"
        for column in export.columns
    ]
    yield "\n".join(
        [
            "| Column | Type | Unit or values | Meaning | In GraphQL |",
            "|---|---|---|---|---|",
            *columns,
        ]
    )


if __name__ == "__main__":
    sys.stdout.write(page())
