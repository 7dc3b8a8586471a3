"""Templates in the database: every change is a version, and no version ever changes."""

import json
from collections.abc import Mapping
from typing import Any

from judgify.core.notification.content import TemplateIn
from judgify.core.notification.template import Language, Said, Texts, say
from judgify.kit.clock import Clock, iso
from judgify.kit.db import Database
from judgify.kit.errors import Conflict, NotFound


class TemplateStore:
    """The table of templates."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Use a database that the service opens."""
        self._database = database
        self._clock = clock

    async def put(self, name: str, texts: Texts, by: str, expected: int | None) -> tuple[dict[str, Any], bool]:
        """Keep words as the newest version; give it, and whether it is new: the same words again are no new version.

        `Conflict` when `expected` is given and is not the version that was the newest (0: there was none).
        """
        document = json.dumps(texts.model_dump(), ensure_ascii=False)
        async with self._database.transaction() as connection:
            # Versions are numbered one by one, so that two who write at once do not get the same number.
            await connection.execute("SELECT pg_advisory_xact_lock(hashtext('notification.template.' || $1))", name)
            row = await connection.fetchrow(
                "SELECT * FROM notification.template WHERE name = $1 ORDER BY version DESC LIMIT 1", name
            )
            newest = 0 if row is None else row["version"]
            if expected is not None and expected != newest:
                raise Conflict(f"template {name} has version {newest}, not {expected}", version=newest)
            if row is not None and json.loads(row["texts"]) == json.loads(document):
                return _told(row), False
            made = await connection.fetchrow(
                "INSERT INTO notification.template (name, version, texts, created_by, created_at) "
                "VALUES ($1, $2, $3, $4, $5) RETURNING *",
                name,
                newest + 1,
                document,
                by,
                self._clock.now(),
            )
        return _told(made), True

    async def page(self) -> list[dict[str, Any]]:
        """List the newest version of every template, by name."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                "SELECT DISTINCT ON (name) * FROM notification.template ORDER BY name, version DESC LIMIT 1000"
            )
        return [_told(row) for row in rows]

    async def read(self, name: str, version: int | None = None) -> dict[str, Any]:
        """Read a version, the newest without one, with the numbers of all; `NotFound` if there is none."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                "SELECT * FROM notification.template WHERE name = $1 ORDER BY version DESC", name
            )
        for row in rows:
            if version is None or row["version"] == version:
                return {**_told(row), "versions": [one["version"] for one in rows]}
        raise NotFound(f"there is no template {name}" + ("" if version is None else f" of version {version}"))

    async def say(self, wanted: TemplateIn, lang: Language) -> Said:
        """Fill a template; `NotFound` and `Invalid` say what is missing."""
        found = await self.read(wanted.name, wanted.version)
        return say(wanted.name, found["version"], Texts.model_validate(found["texts"]), lang, wanted.variables)


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    texts = json.loads(row["texts"])
    return {
        "name": row["name"],
        "version": row["version"],
        "texts": texts,
        "variables": Texts.model_validate(texts).variables(),
        "created_by": row["created_by"],
        "created_at": iso(row["created_at"]),
    }
