"""Reports locked packages with known vulnerabilities: `python -m tests.audit`, for `make check`.

It queries an advisory database through pip-audit. If none can be reached, it reports that and does
not fail, so that a machine without internet access can run the other checks.
Source: https://github.com/pypa/pip-audit
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
    """Audit a lock file. Returns the exit code."""
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
    lines, weak = summary(found)
    print("\n".join(lines))  # noqa: T201
    return int(weak)


def summary(dependencies: Sequence[Mapping[str, Any]]) -> tuple[list[str], bool]:
    """The findings of pip-audit in lines of text, and whether any package is vulnerable."""
    unknown = [package["name"] for package in dependencies if "skip_reason" in package]
    audited = len(dependencies) - len(unknown)
    weak = [
        f"{package['name']} {package['version']}: {', '.join(known['id'] for known in known_of)}"
        for package in dependencies
        if (known_of := package.get("vulns"))
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
