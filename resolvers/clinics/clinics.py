"""Clinics that the viewer may read, and their import."""

from dataclasses import replace

from resolvers.access import decisions
from resolvers.access.permissions import Permission
from resolvers.clinics import clinic_files, principals
from resolvers.context import Context
from store.clinics.filters import ClinicFilter
from store.errors import NotFound
from store.idempotency import IdempotencyKey
from store.paging import Page, Paging
from store.records import Clinic, Saved, key_of


async def get(context: Context, hsa_id: str) -> Clinic | None:
    """A clinic that the viewer may read; else None."""
    clinic = await context.loaders.clinics.load(key_of(hsa_id))
    return clinic if clinic is not None and context.rights.sees_clinic(clinic) else None


async def require(context: Context, hsa_id: str, path: tuple[str, ...] = ("clinic",)) -> Clinic:
    """A clinic that the viewer may read.

    Raises:
        NotFound: There is none, or the viewer may not know of it.
    """
    clinic = await get(context, hsa_id)
    if clinic is None:
        raise NotFound("Mottagningen finns inte.", path)
    return clinic


async def page(context: Context, filter: ClinicFilter, paging: Paging) -> Page[Clinic]:
    """A page of the matching clinics that the viewer may read.

    They are ordered by key, or by similarity where the filter names a similar clinic.
    """
    permitted = replace(filter, within=context.rights.clinics())
    return await context.store.clinics.page(permitted, paging)


async def count(context: Context, filter: ClinicFilter) -> int:
    """The number of matching clinics that the viewer may read."""
    return await context.store.clinics.count(replace(filter, within=context.rights.clinics()))


async def import_csv(
    context: Context, principal: str, csv: str, *, dry_run: bool, key: IdempotencyKey | None
) -> Saved:
    """Create and update a principal's clinics from a CSV file: all rows or none.

    Returns:
        `counts` of the clinics `created`, `updated` and `unchanged`; no event where nothing
        changes.

    Raises:
        NotFound: There is no such principal.
        NotPermitted: The viewer may not import there.
        InvalidInput: The header is wrong, or there are too many rows.
        RowsRefused: Rows are wrong, or clinics belong to another principal; each is named.
    """
    found = principals.require(context, principal)
    held = decisions.require_at(
        context.rights, Permission.IMPORT_CLINICS, found.key, None, ("principal",)
    )
    rows = clinic_files.parse(csv, context.store.extra_hsa_prefixes)
    return await context.store.clinics.import_rows(
        found.key, rows, dry_run=dry_run, act=context.act(held, None), key=key
    )
