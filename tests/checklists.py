"""The content of checklists, a kind of document that only the tests have.

In the product, this module would be `resolvers/kinds/checklists.py`.
"""

from collections.abc import Iterator

from pydantic import Field

from resolvers.kinds.content_model import RICH, STAFF_TEXT, TEXT, ContentModel
from resolvers.kinds.texts import Key, Label, MandatoryRichText, Name
from store.errors import Problem
from store.kinds.kinds import Kind


class ChecklistItem(ContentModel):
    """An item of a checklist."""

    key: Key = Field(title="Nyckel")
    label: Label = Field(title="Etikett", json_schema_extra=TEXT)
    text: MandatoryRichText = Field(title="Text", json_schema_extra=RICH)


class ChecklistContent(ContentModel):
    """The content of a version of a checklist."""

    name: Name = Field(title="Namn", json_schema_extra=TEXT)
    internal_name: Name = Field(title="Internt namn", json_schema_extra=STAFF_TEXT)
    items: list[ChecklistItem] = Field(default_factory=list, title="Punkter", max_length=50)

    def problems(self) -> Iterator[Problem]:
        """A checklist needs at least one item."""
        if not self.items:
            yield Problem("MISSING", "Lägg till minst en punkt.", ("items",))


CHECKLIST = Kind(name="CHECKLIST", prefix="chk", model=ChecklistContent, notifies_clinics=True)
