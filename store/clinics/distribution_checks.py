"""Refuses documents that cannot be distributed, or that a distribution cannot replace."""

from collections.abc import Sequence

from store.documents import heads
from store.errors import InvalidInput, Problem, WrongState
from store.mongo.transactions import Transaction
from store.records import Document, DocumentState, OwnerKind


def require_distributable(head: Document) -> Document:
    """The case type, if it can be distributed and followed.

    Raises:
        WrongState: It was never published, or is archived.
    """
    heads.refuse_archived(head, ("caseType",))
    if head.published is None:
        raise WrongState(
            "Publicera ärendetypen innan den delas ut.", DocumentState.DRAFT, ("caseType",)
        )
    return head


def require_local(
    transaction: Transaction, ids: Sequence[str], clinics: Sequence[str]
) -> list[Document]:
    """The local case types to archive, in the order of their ids.

    Raises:
        InvalidInput: Names each that is not one of these clinics', is archived, or is a duplicate.
    """
    receivers = set(clinics)
    documents = []
    problems = []
    seen: set[str] = set()
    for index, document_id in enumerate(ids):
        head = transaction.document(document_id)
        if head.owner.kind is not OwnerKind.CLINIC or head.owner.key not in receivers:
            problems.append(
                Problem(
                    "NOT_LOCAL_THERE",
                    "Ange lokala ärendetyper hos de mottagningar som valts.",
                    ("replaceLocal", str(index)),
                )
            )
        elif head.state is DocumentState.ARCHIVED or document_id in seen:
            problems.append(
                Problem(
                    "ARCHIVED_ALREADY",
                    "Ärendetypen är redan arkiverad eller står två gånger.",
                    ("replaceLocal", str(index)),
                )
            )
        documents.append(head)
        seen.add(document_id)
    if problems:
        raise InvalidInput(problems)
    return documents
