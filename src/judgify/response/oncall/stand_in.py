"""Who is meant when somebody stands in for somebody."""

from collections.abc import Mapping


def standing_in(person: str, stand_ins: Mapping[str, str]) -> str:
    """Follow who stands in for whom: for one who is away and has a stand-in of their own, that one is meant.

    Two who stand in for each other have swapped: each gets what is owed to the other.
    """
    seen = {person}
    while (following := stand_ins.get(person)) is not None and following not in seen:
        seen.add(following)
        person = following
    return person
