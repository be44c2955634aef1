"""Clinics: which the viewer sees, importing them, and handing case types to them."""

from collections.abc import Sequence
from dataclasses import replace

from resolvers import access, clinic_files, documents
from resolvers.access import Permission
from resolvers.context import Context
from store.clinics import ClinicFilter
from store.errors import InvalidInput, NotFound
from store.paging import Page, Paging
from store.records import Clinic, Principal, Saved, key_of
from store.transactions import IdempotencyKey

MAX_SELECTED = 20_000


async def get(context: Context, hsa_id: str) -> Clinic | None:
    """A clinic that the viewer may read; else None."""
    clinic = await context.loaders.clinics.load(key_of(hsa_id))
    return clinic if clinic is not None and context.rights.sees_clinic(clinic) else None


async def page(context: Context, which: ClinicFilter, paging: Paging) -> Page[Clinic]:
    """A page of the clinics that match and that the viewer may read."""
    return await context.store.clinics.page(within_rights(context, which), paging)


async def count(context: Context, which: ClinicFilter) -> int:
    """How many clinics match within the viewer's rights."""
    return await context.store.clinics.count(within_rights(context, which))


def within_rights(context: Context, which: ClinicFilter) -> ClinicFilter:
    """A filter that reaches no further than the viewer may read."""
    return replace(which, within=context.rights.clinics())


async def import_csv(context: Context, principal: str, csv: str, *, dry_run: bool, key: IdempotencyKey | None) -> Saved:
    """Make or change a principal's clinics from a CSV file: all rows or none.

    Raises:
        NotFound: There is no such principal.
        NotPermitted: The viewer may not import there.
        InvalidInput, RowsRefused: The file is wrong; each place is named.
    """
    found = require_principal(context, principal)
    held = access.require_at(context.rights, Permission.IMPORT_CLINICS, found.key, None, ("principal",))
    rows = clinic_files.parse(csv, context.store.extra_hsa_prefixes)
    return await context.store.clinics.import_rows(found.key, rows, dry_run=dry_run, act=context.act(held, None), key=key)


def require_principal(context: Context, hsa_id: str) -> Principal:
    """A principal by HSA-id.

    Raises:
        NotFound: There is none.
    """
    principal = context.principals.get(key_of(hsa_id))
    if principal is None:
        raise NotFound("Det finns ingen huvudman med detta HSA-id.", ("principal",))
    return principal


async def distribute(
    context: Context,
    case_type: str,
    hsa_ids: Sequence[str],
    *,
    start_page_order: int | None,
    contact_card_order: int | None,
    skip_refused: bool,
    note: str | None,
    key: IdempotencyKey | None,
) -> Saved:
    """Hand a case type to clinics of its principal.

    Raises:
        NotFound: There is no such case type.
        NotPermitted: The viewer may not distribute it, or it is a clinic's own.
        InvalidInput: Too many clinics, or none.
        RowsRefused: Rows can't be distributed to.
    """
    document, held = access.require(context.rights, Permission.DISTRIBUTE, await documents.get(context, case_type, "CASE_TYPE"), ("caseType",))
    if access.clinic_of(document) is not None:
        raise InvalidInput.at(("caseType",), "LOCAL_CASE_TYPE", "En lokal ärendetyp kan inte delas ut; den hör till sin mottagning.")
    if not 1 <= len(hsa_ids) <= MAX_SELECTED:
        raise InvalidInput.at(("to", "hsaIds"), "OUT_OF_RANGE", f"Ange 1 till {MAX_SELECTED} mottagningar.")
    for name, order in (("startPageOrder", start_page_order), ("contactCardOrder", contact_card_order)):
        if order is not None and order < 1:
            raise InvalidInput.at((name,), "OUT_OF_RANGE", "Ange ett tal från 1.")
    return await context.store.assignments.distribute(
        document,
        hsa_ids,
        start_page_order=start_page_order,
        contact_card_order=contact_card_order,
        skip_refused=skip_refused,
        act=context.act(held, note),
        key=key,
    )
