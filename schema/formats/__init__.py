"""The formats of exports, by the ending of the address."""

from collections.abc import Mapping

from schema.formats.delimited import DelimitedWriter
from schema.formats.lines import LinesWriter
from schema.formats.parquet import ParquetWriter
from schema.formats.workbook import WorkbookWriter
from schema.formats.writing import Writer

FORMATS: Mapping[str, type[Writer]] = {
    "csv": DelimitedWriter,
    "ndjson": LinesWriter,
    "parquet": ParquetWriter,
    "xlsx": WorkbookWriter,
}
