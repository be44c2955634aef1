"""The data dictionary: what is in every export, made from the tables that the exports themselves
are made from.
"""

import sys
from collections.abc import Iterator
from typing import Any

from resolvers.exports import EXPORTS
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
        "parted by a vertical bar",
        "array",
        "`list<string>`",
        "parted by a vertical bar",
    ),
    ColumnType.JSON: (
        "JSON",
        "JSON in one line",
        "as it is",
        "`string` with JSON",
        "JSON in one line",
    ),
}

_HEAD = """# Data dictionary

What is in every [export](guides/reporting.md). Made from the code by `make dictionary`: do not edit it. Any cell may be empty, where there is
nothing to tell or the viewer may not know it.

## Types

| Type | CSV | NDJSON | Parquet | XLSX |
|---|---|---|---|---|
"""


def page() -> str:
    """The whole page, in Markdown."""
    types = "\n".join(f"| {' | '.join(told)} |" for told in _TYPES.values())
    return (
        _HEAD
        + types
        + "\n"
        + "".join("\n" + line + "\n" for export in EXPORTS.values() for line in _told(export))
    )


def _told(export: Export[Any]) -> Iterator[str]:
    yield f"## {export.name}"
    yield f"{export.meaning} Ordered by principal, then {export.order}."
    parameters = [
        f"| `{name}` |"
        f" {parameter.meaning}{' Several, parted by commas.' if parameter.several else ''} |"
        for name, parameter in export.parameters.items()
    ]
    yield "\n".join(["| Parameter | Narrows to |", "|---|---|", *parameters])
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
