"""Whether a locked package has a known weakness: `python -m tests.audit`, for `make check`.

Asks an advisory database through pip-audit. Where none is reached that is said aloud and nothing
fails: a machine without a way out can still check
the rest. Source: https://github.com/pypa/pip-audit
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
LOCK = "requirements-dev.lock"
_AUDIT = (
    str(Path(sys.executable).with_name("pip-audit")),
    "--require-hashes",
    "--disable-pip",
    "--progress-spinner=off",
    "--format=json",
    "--timeout=20",
)
_UNREACHED = (
    "ConnectionError",
    "ProxyError",
    "SSLError",
    "Timeout",
    "Tried to connect",
    "HTTPError",
)


def main(lock: Path = ROOT / LOCK) -> int:
    """Audit a lock file; the exit code."""
    command = [*_AUDIT, "-r", str(lock)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    try:
        found = json.loads(done.stdout)["dependencies"]
    except json.JSONDecodeError:
        if any(sign in done.stderr for sign in _UNREACHED):
            print("SKIPPED: no advisory database can be reached.")  # noqa: T201
            return 0
        print(done.stderr, file=sys.stderr)  # noqa: T201
        return 2
    lines, weak = told(found)
    print("\n".join(lines))  # noqa: T201
    return int(weak)


def told(dependencies: Sequence[Mapping[str, Any]]) -> tuple[list[str], bool]:
    """What pip-audit found, in lines, and whether that is a weakness."""
    unknown = [one["name"] for one in dependencies if "skip_reason" in one]
    audited = len(dependencies) - len(unknown)
    weak = [
        f"{one['name']} {one['version']}: {', '.join(known['id'] for known in one['vulns'])}"
        for one in dependencies
        if one.get("vulns")
    ]
    lines = (
        [*weak, f"{audited} packages audited, {len(weak)} with known weaknesses."]
        if audited
        else []
    )
    if unknown:
        lines.append(
            f"SKIPPED: the advisory database does not know {len(unknown)} of the"
            f" {len(dependencies)} packages."
        )
    return lines, bool(weak)


if __name__ == "__main__":
    sys.exit(main())
