"""Private keys in files of their own: made by whichever process needs one first, and never written
twice.
"""

import json
import os
import tempfile
from pathlib import Path
from typing import Any


def create(path: Path, key: dict[str, Any]) -> None:
    """Write a new key whole and under its final name at once; where another process was first, its
    key stands.

    Args:
        path: Its folder is made if it is missing.
        key: As a JSON Web Key (RFC 7517), private parts included.

    Raises:
        ValueError: The folder can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # mkstemp: a file of its own, readable by its owner only.
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise ValueError(
            f"The data folder {path.parent} can't be written: {error.strerror}. Choose another with"
            " --data."
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
