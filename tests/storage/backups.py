"""A small registry to back up, and the check of its backup."""

from pathlib import Path
from uuid import uuid4

from resolvers.log.checkpoints import CheckpointKey
from store.registry import Store
from store.transfer.backup import back_up
from store.transfer.checkpoints import Checkpoint
from store.transfer.verification import Report, check
from tests.storage.building import (
    BJORKEN,
    LINDEN,
    distributed,
    published,
    saved_as,
    with_clinics,
)


async def small_registry(store: Store) -> str:
    """Create two case types and return the id of the first.

    The first has three versions and is at two clinics. The log ends at 8.
    """
    await with_clinics(store, BJORKEN, LINDEN)  # 1
    document = await published(store)  # 2, 3
    await distributed(store, document, BJORKEN, LINDEN)  # 4
    await saved_as(store, document, "Två", "Tre", publish=True)  # 5, 6
    await published(store)  # 7, 8
    return document.id


async def check_new_backup(
    store: Store, folder: Path, key: CheckpointKey, elsewhere: list[Checkpoint] | None = None
) -> Report:
    """Check a backup made now."""
    target = folder / f"{uuid4().hex}.zip"
    await back_up(store.database, target)
    return check(target, key.signed, elsewhere or [])
