"""Private key files: created by the first process that needs a key, and never overwritten."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any


def create(path: Path, key: dict[str, Any]) -> None:
    """Write a new key file atomically; keep an existing one.

    Args:
        path: The file; its folder is created if it is missing.
        key: The key as a JSON Web Key (RFC 7517), private parts included.

    Raises:
        ValueError: The folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # mkstemp creates a file that only its owner can read.
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise ValueError(
            f"The data folder {path.parent} cannot be written: {error.strerror}. Choose another"
            " with --data."
        ) from None
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            json.dump(key, file)
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(temporary)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
