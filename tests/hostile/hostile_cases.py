"""What a case of the corpus is, and the list that the modules of the corpus fill."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hostile_files import study_uid

Make = Callable[[Path, str], None]
"""Writes the inputs of a case into a folder, as the study of this UID."""

ANALYSED = frozenset({"analysed"})
REFUSED = frozenset({"failed", "listed"})
NOT_ANALYSED = frozenset({"nothing_to_analyse", "listed"})
EITHER = ANALYSED | REFUSED | NOT_ANALYSED
"""Fuzz: whatever it means, it is analysed or refused by name."""


@dataclass(frozen=True, slots=True)
class Case:
    """One hostile input. `item` is a row of the catalogue, `says` a pattern that must occur in notes or reasons."""

    item: str
    name: str
    expected: frozenset[str]
    make: Make
    says: str = ""
    whole_only: bool = False
    uid: str = ""

    @property
    def folder(self) -> str:
        """Name of its folder."""
        return f"{self.item}-{self.name}".replace(" ", "_").replace("/", "_")

    @property
    def study(self) -> str:
        """UID of its study."""
        return self.uid or study_uid(self.folder)


CASES: list[Case] = []


def case(
    item: str, name: str, expected: frozenset[str], says: str = "", *, whole_only: bool = False, uid: str = ""
) -> Callable[[Make], Make]:
    """Add the decorated function to the corpus."""

    def add(make: Make) -> Make:
        CASES.append(Case(item, name, expected, make, says, whole_only, uid))
        return make

    return add
