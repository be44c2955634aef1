"""Reads CSV files of clinics.

The delimiter is `;` or `,`, a byte order mark is allowed, and columns are in any order. All rows
are checked before anything is written.
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from store.clinics.clinics import ClinicRow
from store.clinics.hsa_ids import is_hsa_id
from store.errors import InvalidInput, Path, Problem, RowProblem, RowsRefused
from store.records import ClinicStatus, key_of

MAX_ROWS = 20_000
_ID_COLUMN = "hsaid"
_MAX_CELL = 500


class _BadCell(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.code = code
        self.message = message


def _checked(cell: str) -> str:
    if len(cell) > _MAX_CELL or any(ord(character) < 32 for character in cell):
        raise _BadCell("BAD_TEXT", f"Fältet får ha högst {_MAX_CELL} tecken och inga styrtecken.")
    return cell


def _text(cell: str) -> str | None:
    return cell or None


def _name(cell: str) -> str:
    if not cell:
        raise _BadCell("BLANK", "Fältet får inte vara tomt.")
    return cell


def _values(cell: str) -> list[str]:
    return [part.strip() for part in cell.split("|") if part.strip()]


def _code(digits: int) -> Callable[[str], str | None]:
    def parse(cell: str) -> str | None:
        if cell and not (cell.isascii() and cell.isdigit() and len(cell) == digits):
            raise _BadCell("BAD_CODE", f"Koden ska ha {digits} siffror.")
        return cell or None

    return parse


def _date(cell: str) -> datetime | None:
    if not cell:
        return None
    try:
        time = datetime.fromisoformat(cell)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _BadCell("BAD_DATE", "Skriv datumet som ÅÅÅÅ-MM-DD.") from None


def _status(cell: str) -> ClinicStatus:
    try:
        return ClinicStatus(cell or "ACTIVE")
    except ValueError:
        raise _BadCell("UNKNOWN_VALUE", f"Välj något av {', '.join(ClinicStatus)}.") from None


COLUMNS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "name": ("name", _name),
    "publicName": ("public_name", _text),
    "businessClassification": ("business_classifications", _values),
    "businessType": ("business_types", _values),
    "careType": ("care_types", _values),
    "management": ("management", _values),
    "countyCode": ("county_code", _code(2)),
    "municipalityCode": ("municipality_code", _code(4)),
    "location": ("location", _text),
    "telephoneNumber": ("telephone_number", _text),
    "financingOrganization": ("financing_organizations", _values),
    "startDate": ("start_date", _date),
    "endDate": ("end_date", _date),
    "status": ("status", _status),
}
"""The columns beside `hsaId`: the clinic's field, and the function that reads a cell.

The field of a column that a file lacks does not change.
"""


def parse(text: str, extra_prefixes: tuple[str, ...] = ()) -> list[ClinicRow]:
    """Read the clinics in a CSV file.

    Args:
        text: Of the file.
        extra_prefixes: Of test ids that break the pattern of HSA-ids.

    Returns:
        One row for each clinic, in the order of the file. Empty lines are skipped.

    Raises:
        InvalidInput: The header has an unknown, missing or duplicate column, or the file has more
            than 20,000 rows.
        RowsRefused: The text is not CSV, or cells are wrong; each with its line and column.
    """
    text = text.removeprefix("\ufeff")
    first_line = text.partition("\n")[0]
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=";" if ";" in first_line else ",", strict=True
    )
    try:
        header = _header(next(reader, []))
        return _rows(reader, header, extra_prefixes)
    except csv.Error as error:
        problem = RowProblem(
            "MALFORMED", f"Filen går inte att läsa som CSV: {error}.", ("csv",), reader.line_num, ""
        )
        raise RowsRefused([problem]) from None


def _header(cells: list[str]) -> list[str]:
    header = [cell.strip() for cell in cells]
    known = {"hsaId", *COLUMNS}
    unknown = [name for name in header if name not in known]
    missing = [name for name in ("hsaId", "name") if name not in header]
    duplicates = sorted({name for name in header if header.count(name) > 1})
    problems = [
        Problem(code, f"{message}: {', '.join(names)}.", ("csv",))
        for code, message, names in (
            ("UNKNOWN_COLUMN", "Okända kolumner", unknown),
            ("MISSING_COLUMN", "Kolumner saknas", missing),
            ("DUPLICATE_COLUMN", "Kolumner som står två gånger", duplicates),
        )
        if names
    ]
    if problems:
        raise InvalidInput(problems)
    return header


def _rows(
    reader: Iterator[list[str]], header: list[str], extra_prefixes: tuple[str, ...]
) -> list[ClinicRow]:
    rows: list[ClinicRow] = []
    problems: list[RowProblem] = []
    seen: set[str] = set()
    line = _line_of(reader)
    for cells in reader:
        number, line = line + 1, _line_of(reader)
        if not any(cells):
            continue
        if len(rows) + len(problems) >= MAX_ROWS:
            raise _too_many()
        if len(cells) != len(header):
            message = f"Raden har {len(cells)} fält, rubriken {len(header)}."
            problems.append(RowProblem("WRONG_LENGTH", message, ("csv",), number, ""))
            continue
        row, bad = _row(
            number, dict(zip(header, map(str.strip, cells), strict=True)), extra_prefixes
        )
        if key_of(row.hsa_id) in seen:
            bad.append(
                RowProblem(
                    "DUPLICATE",
                    "Mottagningen står redan på en tidigare rad.",
                    ("csv", "hsaId"),
                    number,
                    row.hsa_id,
                )
            )
        seen.add(key_of(row.hsa_id))
        rows.append(row)
        problems.extend(bad)
    if problems:
        raise RowsRefused(problems)
    return rows


def _too_many() -> InvalidInput:
    return InvalidInput.at(("csv",), "TOO_MANY", f"Filen har fler än {MAX_ROWS} rader.")


def _line_of(reader: Any) -> int:
    number: int = reader.line_num
    return number


def _row(
    number: int, cells: Mapping[str, str], extra_prefixes: tuple[str, ...]
) -> tuple[ClinicRow, list[RowProblem]]:
    hsa_id = cells["hsaId"]
    problems = []
    if not is_hsa_id(hsa_id, extra_prefixes):
        problems.append(
            RowProblem("MALFORMED", "Detta är inget HSA-id.", ("csv", "hsaId"), number, hsa_id)
        )
    values = {}
    for column, cell in cells.items():
        if column == "hsaId":
            continue
        field, read = COLUMNS[column]
        try:
            values[field] = read(_checked(cell))
        except _BadCell as bad:
            problems.append(
                RowProblem(bad.code, bad.message, ("csv", column), number, cell[:_MAX_CELL])
            )
    return ClinicRow(number, hsa_id, values), problems


def parse_ids(text: str, path: Path) -> list[tuple[int, str]]:
    """Read the HSA-ids in a CSV file.

    They are in the column `hsaId` where there is a header, else in the first column. Empty lines
    are skipped.

    Args:
        text: Of the file; the delimiter is `;` or `,`, a byte order mark is allowed.
        path: Of the file in the input of the call, for errors.

    Returns:
        The line number, from 1, and the HSA-id of each row, at most 500 characters of it.

    Raises:
        InvalidInput: There is no row, or there are more than 20,000.
        RowsRefused: The text is not CSV.
    """
    text = text.removeprefix("\ufeff")
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=";" if ";" in text.partition("\n")[0] else ",",
        strict=True,
    )
    rows: list[tuple[int, str]] = []
    column: int | None = None
    line = 1
    try:
        for cells in reader:
            number, line = line, reader.line_num + 1
            stripped = [cell.strip() for cell in cells]
            if not any(stripped):
                continue
            if column is None:
                names = [cell.casefold() for cell in stripped]
                column = names.index(_ID_COLUMN) if _ID_COLUMN in names else 0
                if _ID_COLUMN in names:
                    continue
            rows.append((number, stripped[column][:_MAX_CELL] if column < len(stripped) else ""))
    except csv.Error as error:
        raise RowsRefused(
            [
                RowProblem(
                    "MALFORMED",
                    f"Filen går inte att läsa som CSV: {error}.",
                    path,
                    reader.line_num,
                    "",
                )
            ]
        ) from None
    if not 1 <= len(rows) <= MAX_ROWS:
        raise InvalidInput.at(path, "OUT_OF_RANGE", f"Ange 1 till {MAX_ROWS} mottagningar.")
    return rows
