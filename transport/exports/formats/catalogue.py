"""All formats, by the extension of the file's name."""

from collections.abc import Mapping

from transport.exports.formats.delimited import DelimitedWriter
from transport.exports.formats.lines import LinesWriter
from transport.exports.formats.parquet import ParquetWriter
from transport.exports.formats.workbook import WorkbookWriter
from transport.exports.formats.writer import Writer

FORMATS: Mapping[str, type[Writer]] = {
    "csv": DelimitedWriter,
    "ndjson": LinesWriter,
    "parquet": ParquetWriter,
    "xlsx": WorkbookWriter,
}
