"""Dashboards in PostgreSQL: kept as they were asked for; the same idempotency key makes one."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from judgify.core.dashboard.grammar.spec import Lang, PanelSpec
from judgify.kit.clock import Clock, iso
from judgify.kit.db import Database
from judgify.kit.errors import Conflict, Invalid, NotFound
from judgify.kit.ids import new_id

MAX_DASHBOARDS: Final = 1000
"""Dashboards of one owner."""
_COLUMNS: Final = "id, name, request, lang, panels, notes, owner, created_at, updated_at"


_INSERT: Final = (
    "INSERT INTO dashboard.dashboard (id, name, request, lang, panels, notes, owner, created_at, updated_at, "  # noqa: S608 - ours
    "idempotency_key) VALUES ($1, $2, $3, $4, $5::jsonb, $6, $7, $8, $8, $9) "
    f"ON CONFLICT (owner, idempotency_key) DO NOTHING RETURNING {_COLUMNS}"
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A dashboard as it is kept."""

    id: str
    name: str
    request: str
    lang: Lang
    panels: tuple[PanelSpec, ...]
    notes: tuple[str, ...]
    owner: str
    created_at: datetime
    updated_at: datetime

    def data(self) -> dict[str, Any]:
        """Give it as it is answered, without its panels."""
        return {
            "id": self.id,
            "name": self.name,
            "request": self.request,
            "lang": self.lang,
            "owner": self.owner,
            "panels": len(self.panels),
            "created_at": iso(self.created_at),
            "updated_at": iso(self.updated_at),
            "html": f"/api/v2/dashboard/dashboards/{self.id}.html",
        }


class DashboardStore:
    """The dashboards; `Unavailable` without the database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Use a database whose schema is `dashboard`."""
        self._db = database
        self._clock = clock

    async def create(
        self,
        *,
        name: str,
        request: str,
        lang: Lang,
        panels: tuple[PanelSpec, ...],
        notes: tuple[str, ...],
        owner: str,
        key: str | None,
    ) -> tuple[Kept, bool]:
        """Keep a dashboard and tell whether it is new; a key with another request is `Conflict`."""  # fmt: skip
        now = self._clock.now()
        async with self._db.transaction() as connection:
            if key is not None:
                row = await connection.fetchrow(
                    f"SELECT {_COLUMNS} FROM dashboard.dashboard WHERE owner = $1 AND idempotency_key = $2",  # noqa: S608 - ours
                    owner,
                    key,
                )
                if row is not None:
                    if row["request"] != request:
                        raise Conflict("this Idempotency-Key has made a dashboard of another request")
                    return _kept(row), False
            count = await connection.fetchval("SELECT count(*) FROM dashboard.dashboard WHERE owner = $1", owner)
            if count >= MAX_DASHBOARDS:
                raise Invalid(f"an account keeps at most {MAX_DASHBOARDS} dashboards; delete some")
            row = await connection.fetchrow(
                _INSERT,
                new_id("dsh"),
                name,
                request,
                lang,
                json.dumps([panel.model_dump(mode="json", exclude_defaults=True) for panel in panels]),
                list(notes),
                owner,
                now,
                key,
            )
        if row is None:
            return await self.create(
                name=name, request=request, lang=lang, panels=panels, notes=notes, owner=owner, key=key
            )
        return _kept(row), True

    async def page(self, limit: int, after: str | None) -> list[Kept]:
        """List dashboards, newest first."""
        async with self._db.connection() as connection:
            rows = await connection.fetch(
                f"SELECT {_COLUMNS} FROM dashboard.dashboard WHERE ($1::text IS NULL OR id < $1) "  # noqa: S608 - ours
                "ORDER BY id DESC LIMIT $2",
                after,
                limit,
            )
        return [_kept(row) for row in rows]

    async def read(self, key: str) -> Kept:
        """Give a dashboard or raise `NotFound`."""
        async with self._db.connection() as connection:
            row = await connection.fetchrow(
                f"SELECT {_COLUMNS} FROM dashboard.dashboard WHERE id = $1",  # noqa: S608 - ours
                key,
            )
        if row is None:
            raise NotFound(f"there is no dashboard {key[:60]!r}")
        return _kept(row)

    async def rename(self, key: str, name: str) -> Kept:
        """Give a dashboard another name."""
        async with self._db.connection() as connection:
            row = await connection.fetchrow(
                f"UPDATE dashboard.dashboard SET name = $2, updated_at = $3 WHERE id = $1 RETURNING {_COLUMNS}",  # noqa: S608 - ours
                key,
                name,
                self._clock.now(),
            )
        if row is None:
            raise NotFound(f"there is no dashboard {key[:60]!r}")
        return _kept(row)

    async def delete(self, key: str) -> None:
        """Remove a dashboard; one that is gone already stays so."""
        async with self._db.connection() as connection:
            await connection.execute("DELETE FROM dashboard.dashboard WHERE id = $1", key)


def _kept(row: Any) -> Kept:
    return Kept(
        row["id"],
        row["name"],
        row["request"],
        row["lang"],
        tuple(PanelSpec.model_validate(one) for one in json.loads(row["panels"])),
        tuple(row["notes"]),
        row["owner"],
        row["created_at"],
        row["updated_at"],
    )
