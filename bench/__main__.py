"""Runs all measurements, or the named ones: `python -m bench [ROW …] [options of the row]`."""

import sys
from collections.abc import Callable, Mapping, Sequence

from bench import distribution, drivers, execution, fanout, growth, reads, writes

ROWS: Mapping[str, Callable[[Sequence[str]], None]] = {
    "distribution": distribution.main,
    "drivers": drivers.main,
    "execution": execution.main,
    "fanout": fanout.main,
    "growth": growth.main,
    "reads": reads.main,
    "writes": writes.main,
}


def main(arguments: Sequence[str]) -> None:
    """Run each row; options, from the first that starts with a dash, are passed to every row."""
    first_option = next(
        (index for index, argument in enumerate(arguments) if argument.startswith("-")),
        len(arguments),
    )
    names, options = arguments[:first_option] or list(ROWS), arguments[first_option:]
    if unknown := [name for name in names if name not in ROWS]:
        sys.exit(f"No such row: {', '.join(unknown)}. There are: {', '.join(ROWS)}.")
    for name in names:
        ROWS[name](options)


if __name__ == "__main__":
    main(sys.argv[1:])
