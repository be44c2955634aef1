"""A sample of each kind of document: its content, a change of it, and its names in the API."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from store.records import OwnerKind
from tests.world import CONTENT

Json = dict[str, Any]
RESIDENT_CASE: Json = {
    "name": "Frågor inför vårdkontakt",
    "internalName": "Frågor inför vårdkontakt – regionen",
    "form": "QUESTIONS",
    "message": "Svara **före** besöket.",
    "questions": [
        {"key": "besvar", "label": "Vad har du för besvär?", "kind": "LONG_TEXT", "required": True}
    ],
    "attachmentsAllowed": True,
}


@dataclass(frozen=True, slots=True)
class Sample:
    """A kind of document and its content.

    Attributes:
        name: The kind's name in the store.
        query: The query that returns one document. The kind's mutations start with this name too.
        many: The query that returns a list.
        content: A whole content.
        rich: The path in the content to a text in Markdown.
        shown: Whether residents see that text.
        owners: The kinds of owners that its documents can have.
        shared: Who else can read published documents: the name of a `Sharing`.
        notifies: Whether clinics are notified of its documents.
        template: The query of the kind that it can be created from.
        broken: By error code: invalid values, and the path that the error has.
    """

    name: str
    query: str
    many: str
    content: Mapping[str, Any]
    rich: tuple[str | int, ...]
    shown: bool = True
    owners: frozenset[OwnerKind] = frozenset(OwnerKind)
    shared: str = "NO"
    notifies: bool = True
    template: str | None = None
    broken: Mapping[str, tuple[Mapping[str, Any], str]] = field(default_factory=dict)

    @property
    def type(self) -> str:
        """The GraphQL type."""
        return self.query[0].upper() + self.query[1:]

    def with_text(self, text: str) -> Json:
        """The top-level field that contains the rich text, with another text."""
        top, *rest = self.rich
        if rest:
            index, name = rest
            return {
                str(top): [
                    {**item, name: text} if position == index else item
                    for position, item in enumerate(self.content[str(top)])
                ]
            }
        return {str(top): text}

    @property
    def path(self) -> str:
        """The path that the API reports for a change of the rich text."""
        top, *rest = self.rich
        return f"{top}[{self.content[str(top)][rest[0]]['key']}].{rest[1]}" if rest else str(top)


PRINCIPALS = frozenset({OwnerKind.PRINCIPAL})
SAMPLES = {
    sample.query: sample
    for sample in (
        Sample(
            "CASE_TYPE",
            "caseType",
            "caseTypes",
            CONTENT,
            ("introduction",),
            notifies=False,
            template="caseTypeTemplate",
        ),
        Sample(
            "CASE_TYPE_TEMPLATE",
            "caseTypeTemplate",
            "caseTypeTemplates",
            CONTENT,
            ("introduction",),
            shared="NATIONAL",
            notifies=False,
            template="caseTypeTemplate",
        ),
        Sample(
            "RESIDENT_CASE",
            "residentCase",
            "residentCases",
            RESIDENT_CASE,
            ("message",),
            template="residentCaseTemplate",
            broken={
                "QUESTIONS_MISSING": ({"questions": []}, "content.questions"),
                "QUESTIONS_NOT_ALLOWED": ({"form": "INFORMATION"}, "content.questions"),
                "ATTACHMENTS_NOT_ALLOWED": (
                    {
                        "questions": [{"key": "bild", "label": "Bild", "kind": "ATTACHMENT"}],
                        "attachmentsAllowed": False,
                    },
                    "content.questions.0.kind",
                ),
                "CONDITION_UNKNOWN_QUESTION": (
                    {
                        "questions": [
                            {
                                "key": "a",
                                "label": "A",
                                "kind": "DATE",
                                "shownIf": {"question": "b", "equals": "1"},
                            }
                        ]
                    },
                    "content.questions.0.shownIf.question",
                ),
            },
        ),
        Sample(
            "RESIDENT_CASE_TEMPLATE",
            "residentCaseTemplate",
            "residentCaseTemplates",
            RESIDENT_CASE,
            ("message",),
            shared="NATIONAL",
            notifies=False,
            template="residentCaseTemplate",
        ),
        Sample(
            "TERMS_TEXT",
            "termsText",
            "termsTexts",
            {
                "name": "Villkor för tidbokning",
                "internalName": "Villkor för tidbokning – vårdcentraler",
                "service": "BOOKING",
                "clinicText": "Välkommen till **oss**.",
                "bookingConcerns": "Ett besök hos läkare.",
                "informationToClinic": "Skriv kort varför du vill komma.",
                "terms": "Avboka senast *24 timmar* före besöket.",
            },
            ("terms",),
            shared="NATIONAL",
            broken={
                "ONLY_FOR_BOOKING": (
                    {"service": "LISTING", "informationToClinic": ""},
                    "content.bookingConcerns",
                ),
                "ONLY_FOR_LISTING": ({"namedDoctor": True}, "content.namedDoctor"),
                "TOO_LONG": ({"informationToClinic": "x" * 151}, "content.informationToClinic"),
            },
        ),
        Sample(
            "STANDARD_REPLY_COLLECTION",
            "standardReplyCollection",
            "standardReplyCollections",
            {
                "name": "Svar från support",
                "internalName": "Svar från support – inloggning",
                "rationale": "Samma svar oavsett vem som **svarar**.",
                "standardReplies": [
                    {"key": "last", "label": "Låst konto", "text": "Vänd dig till din region."}
                ],
            },
            ("standardReplies", 0, "text"),
            shown=False,
            owners=PRINCIPALS,
            shared="NATIONAL",
            broken={
                "DUPLICATE_KEY": (
                    {
                        "standardReplies": [
                            {"key": "a", "label": "A", "text": "A"},
                            {"key": "a", "label": "B", "text": "B"},
                        ]
                    },
                    "content.standardReplies.1.key",
                )
            },
        ),
        Sample(
            "GUIDANCE",
            "guidance",
            "guidances",
            {
                "name": "Låst inloggning",
                "internalName": "Låst inloggning – rutin",
                "situation": "Invånaren kan inte **logga in**.",
                "steps": [
                    {"key": "fraga", "heading": "Fråga", "text": "Fråga vilken region det gäller."}
                ],
                "referrals": [
                    {
                        "key": "01",
                        "countyCode": "01",
                        "referTo": "Region Stockholms kundtjänst",
                        "telephoneNumber": "08-123 45 00",
                    },
                    {
                        "key": "03",
                        "countyCode": "03",
                        "referTo": "Region Uppsalas support",
                        "url": "https://example.se/support",
                    },
                ],
            },
            ("steps", 0, "text"),
            shown=False,
            owners=PRINCIPALS,
            shared="CENTRAL",
            broken={
                "DUPLICATE_VALUE": (
                    {
                        "referrals": [
                            {"key": "a", "countyCode": "01", "referTo": "A"},
                            {"key": "b", "countyCode": "01", "referTo": "B"},
                        ]
                    },
                    "content.referrals.1.countyCode",
                ),
                "INVALID_CODE": (
                    {"referrals": [{"key": "a", "countyCode": "1", "referTo": "A"}]},
                    "content.referrals.0.countyCode",
                ),
                "URL_SCHEME": (
                    {
                        "referrals": [
                            {"key": "a", "countyCode": "01", "referTo": "A", "url": "ftp://a.se"}
                        ]
                    },
                    "content.referrals.0.url",
                ),
            },
        ),
        Sample(
            "NOTICE",
            "notice",
            "notices",
            {
                "name": "Tidbokningen ligger nere",
                "internalName": "Driftstopp tidbokning",
                "service": "Tidbokning",
                "environment": "PRODUCTION",
                "status": "PLANNED",
                "startsAt": "2026-12-01T20:00:00.000Z",
                "endsAt": "2026-12-01T22:00:00.000Z",
                "text": "Vi uppdaterar tidbokningen.",
            },
            ("text",),
            shown=False,
            owners=PRINCIPALS,
            shared="CENTRAL",
            broken={
                "TIME_ORDER": ({"endsAt": "2026-12-01T21:00:00+01:00"}, "content.endsAt"),
                "END_MISSING": ({"status": "RESOLVED", "endsAt": None}, "content.endsAt"),
                "BLANK": ({"text": " "}, "content.text"),
                "INVALID_TIME": ({"startsAt": "2026-02-30T10:00:00Z"}, "content.startsAt"),
            },
        ),
    )
}
"""The kinds that have a mutation that creates them, by the query that returns one document."""
