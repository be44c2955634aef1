"""The formats of exports, by the ending of the address."""

from collections.abc import Mapping

from transport.exports.formats.delimited import DelimitedWriter
from transport.exports.formats.lines import LinesWriter
from transport.exports.formats.parquet import ParquetWriter
from transport.exports.formats.workbook import WorkbookWriter
from transport.exports.formats.writing import Writer

FORMATS: Mapping[str, type[Writer]] = {
    "csv": DelimitedWriter,
    "ndjson": LinesWriter,
    "parquet": ParquetWriter,
    "xlsx": WorkbookWriter,
}
