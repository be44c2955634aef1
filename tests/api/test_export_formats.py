"""Files of every format, read back with common libraries, contain the same rows."""

import csv
import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from resolvers.exports.catalogue import EXPORTS
from resolvers.exports.columns import ColumnType
from resolvers.exports.opening import ExportMetadata
from tests.exporting import exported, fetched, live_through, refusal
from tests.world import World
from transport.exports.formats.catalogue import FORMATS
from transport.exports.formats.delimited import DelimitedWriter
from transport.exports.formats.workbook import WorkbookWriter
from transport.exports.formats.writer import Writer

DETAIL = {"events": {"detail": "true"}}


def types(name: str) -> Mapping[str, ColumnType]:
    """The types of the columns of an export, by name."""
    return {column.name: column.type for column in EXPORTS[name].columns}


def time_of(text: str) -> datetime:
    return datetime.fromisoformat(text)


def from_csv(content: bytes, name: str) -> list[dict[str, Any]]:
    """The rows that the csv module reads, converted to the types of the columns."""
    text = content.decode("utf-8-sig")

    def value(cell: str, kind: ColumnType) -> Any:
        cell = cell[1:] if cell[:1] == "'" else cell
        if not cell:
            return [] if kind is ColumnType.TEXTS else None
        match kind:
            case ColumnType.INTEGER:
                return int(cell)
            case ColumnType.BOOLEAN:
                return {"true": True, "false": False}[cell]
            case ColumnType.TEXTS:
                return cell.split("|")
            case ColumnType.JSON:
                return json.loads(cell)
            case _:
                return cell

    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=";")
    return [
        {column: value(cell, types(name)[column]) for column, cell in row.items()} for row in rows
    ]


def from_parquet(content: bytes, name: str) -> list[dict[str, Any]]:
    """The rows that pyarrow reads, converted to the types of the columns."""
    rows = pq.read_table(io.BytesIO(content)).to_pylist()

    def value(cell: Any, kind: ColumnType) -> Any:
        if isinstance(cell, datetime):
            return cell.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return json.loads(cell) if kind is ColumnType.JSON and cell is not None else cell

    return [
        {column: value(cell, types(name)[column]) for column, cell in row.items()} for row in rows
    ]


def from_workbook(content: bytes, name: str) -> list[dict[str, Any]]:
    """The rows that openpyxl reads, converted to the types of the columns."""
    [header, *rows] = openpyxl.load_workbook(io.BytesIO(content), read_only=True)[name].iter_rows(
        values_only=True
    )

    def value(cell: Any, kind: ColumnType) -> Any:
        if isinstance(cell, datetime):
            return (
                cell.replace(tzinfo=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            )
        if kind is ColumnType.TEXTS:
            return cell.split("|") if cell else []
        return json.loads(cell) if kind is ColumnType.JSON and cell is not None else cell

    return [
        {
            str(column): value(cell, types(name)[str(column)])
            for column, cell in zip(header, row, strict=True)
        }
        for row in rows
    ]


@pytest.mark.parametrize("name", list(EXPORTS))
async def test_every_format_reads_back_to_the_same_rows(world: World, name: str) -> None:
    await live_through(world)
    await world.edit(
        world.case_type, 4, introduction='Rad ett; "citat"\nrad två – åäö 😀', note="@SUMMA(A1)"
    )
    parameters = DETAIL.get(name, {})
    cursor = (await fetched(world.region, f"{name}.ndjson", **parameters)).headers[
        "x-export-cursor"
    ]
    arguments = parameters | ({} if name == "adoption" else {"upTo": cursor})

    rows = await exported(world.region, name, **arguments)
    files = {
        extension: (await fetched(world.region, f"{name}.{extension}", **arguments)).content
        for extension in ("csv", "parquet", "xlsx")
    }

    assert rows
    assert list(rows[0]) == [column.name for column in EXPORTS[name].columns]
    assert from_csv(files["csv"], name) == rows
    assert from_parquet(files["parquet"], name) == rows
    # Excel stores times as numbers of days: exact to the millisecond, except for the last bit.
    for read, row in zip(from_workbook(files["xlsx"], name), rows, strict=True):
        for column, value in row.items():
            if types(name)[column] is ColumnType.TIME and value is not None:
                assert abs((time_of(read[column]) - time_of(value)).total_seconds()) < 0.002
            else:
                assert read[column] == value, column


async def test_csv_opens_in_excel_with_swedish_settings(world: World) -> None:
    await live_through(world)

    content = (await fetched(world.region, "versions.csv")).content

    assert content.startswith(b"\xef\xbb\xbfid;principal;")
    assert content.count(b"\r\n") == content.count(b"\n"), (
        "rows end in CRLF, and line breaks within contents are escaped in JSON"
    )
    notes = [
        row["note"]
        for row in csv.DictReader(
            io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";"
        )
    ]
    assert "'=Kortare" in notes


def metadata(*columns: ColumnType) -> ExportMetadata:
    """The metadata of a file with one column of each type."""
    chosen = [
        next(
            column
            for export in EXPORTS.values()
            for column in export.columns
            if column.type is kind
        )
        for kind in columns
    ]
    return ExportMetadata("events", chosen, "cursor", "tag", datetime(2026, 11, 23, 8, tzinfo=UTC))


def written(writer: Writer, *rows: list[Any]) -> bytes:
    """A whole file with the rows."""
    try:
        return writer.begin() + writer.rows(rows) + b"".join(writer.end())
    finally:
        writer.close()


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+46 8 123", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "=cmd|' /C calc'!A0"],  # noqa: RUF001
)
def test_a_text_is_never_evaluated_as_a_formula(text: str) -> None:
    out = written(DelimitedWriter(metadata(ColumnType.TEXT)), [text])

    [[_], [cell]] = csv.reader(io.StringIO(out.decode("utf-8-sig"), newline=""), delimiter=";")
    assert cell == f"'{text}"
    book = openpyxl.load_workbook(
        io.BytesIO(written(WorkbookWriter(metadata(ColumnType.TEXT)), [text]))
    )
    assert book["events"].cell(2, 1).data_type in ("s", "inlineStr")


def test_a_list_is_never_evaluated_as_a_formula() -> None:
    out = written(DelimitedWriter(metadata(ColumnType.TEXTS)), [["=1", "2"]])

    assert out.decode("utf-8-sig").splitlines()[1] == "'=1|2"


def test_a_text_too_long_for_a_cell_of_excel_is_cut_and_marked() -> None:
    book = openpyxl.load_workbook(
        io.BytesIO(written(WorkbookWriter(metadata(ColumnType.TEXT)), ["å" * 40_000]))
    )

    cell = book["events"].cell(2, 1).value
    assert isinstance(cell, str)
    assert len(cell) == 32_767
    assert cell.endswith("å … (avkortad)")


def test_characters_are_counted_in_utf_16_code_units_as_in_excel() -> None:
    """An emoji counts as two, and is not cut in half."""
    book = openpyxl.load_workbook(
        io.BytesIO(
            written(
                WorkbookWriter(metadata(ColumnType.TEXT)),
                ["😀" * 16_383 + "a"],
                ["a" + "😀" * 16_384],
            )
        )
    )

    fits, cut = (str(book["events"].cell(row, 1).value) for row in (2, 3))
    assert fits == "😀" * 16_383 + "a"
    assert cut == "a" + "😀" * 16_376 + " … (avkortad)"
    assert [len(text.encode("utf-16-le")) // 2 for text in (fits, cut)] == [32_767, 32_766]


async def test_more_rows_than_excel_allows_are_refused_before_the_first_byte(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.distribute(world.case_type)
    monkeypatch.setattr(FORMATS["xlsx"], "max_rows", 1)

    assert await refusal(world.region, "assignments.xlsx") == (400, "TOO_MANY_ROWS", [""])
    assert (await fetched(world.region, "assignments.csv")).status_code == 200


async def test_a_parquet_file_describes_its_columns_and_contains_its_cursor(world: World) -> None:
    await world.distribute(world.case_type)

    answer = await fetched(world.region, "assignments.parquet")

    schema = pq.read_schema(io.BytesIO(answer.content))
    assert schema.field("since").type == pa.timestamp("ms", tz="UTC")
    assert schema.field("publishedVersion").type == pa.int64()
    assert schema.field("clinic").metadata == {
        b"description": b"The clinic.",
        b"unit": b"HSA-id",
        b"source": b"Assignment.clinic.hsaId",
    }
    assert schema.metadata[b"casetypes.cursor"].decode() == answer.headers["x-export-cursor"]


async def test_a_workbook_describes_its_columns(world: World) -> None:
    await world.distribute(world.case_type)

    answer = await fetched(world.region, "assignments.xlsx")

    rows = {
        row[0]: row[1]
        for row in openpyxl.load_workbook(io.BytesIO(answer.content))["Om exporten"].iter_rows(
            values_only=True
        )
    }
    assert rows["cursor"] == answer.headers["x-export-cursor"]
    assert rows["clinic"] == "The clinic."
