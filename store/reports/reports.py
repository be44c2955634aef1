"""The reports of one registry, by subject.

MongoDB counts the rows, by index. A whole region takes as many commands as one clinic, and each
group that is counted is sent here as one row.
"""

from store.clinics.version_adoption import Adoptions
from store.kinds.kinds import Kinds
from store.mongo.connection import Database
from store.reports.acknowledgement_times import AcknowledgementTimes
from store.reports.adapted_texts import AdaptedTexts
from store.reports.authoring import Authoring
from store.reports.holdings import Holdings


class Reports:
    """The reports of one registry.

    Attributes:
        holdings: The case types that clinics have.
        acknowledgement_times: How long clinics take to acknowledge publications.
        authoring: Versions and documents that were written.
        adapted_texts: The texts that are adapted most.
    """

    def __init__(self, database: Database, adoptions: Adoptions, kinds: Kinds) -> None:
        self.holdings = Holdings(database, adoptions)
        self.acknowledgement_times = AcknowledgementTimes(database)
        self.authoring = Authoring(database, kinds)
        self.adapted_texts = AdaptedTexts(database, kinds)
