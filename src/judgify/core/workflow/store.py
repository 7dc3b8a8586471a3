"""Workflows and their versions in PostgreSQL. Each method is one transaction."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import asyncpg
import msgspec

from judgify.core.contracts.document import WorkflowDocument
from judgify.kit.clock import Clock, iso
from judgify.kit.db import Database
from judgify.kit.errors import Conflict, Invalid, NotFound
from judgify.kit.ids import is_id, new_id

ENCODER: Final = msgspec.json.Encoder(decimal_format="number", order="deterministic")
_COLUMNS: Final = (
    "w.id, w.name, w.label, w.description, w.life_safety, w.active_version, w.latest_version, w.revision, "
    "w.created_at, w.created_by, w.updated_at, w.updated_by"
)


class WorkflowStore:
    """What is kept of workflows. Nothing is ever deleted: a workflow is deactivated, a version superseded."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Use a database whose schema is `workflow`."""
        self._database = database
        self._clock = clock

    async def create(self, document: WorkflowDocument, who: str, *, activate: bool = False) -> dict[str, Any]:
        """Keep a new workflow as version 1, a draft unless `activate`; a taken name is `Conflict`."""
        encoded = encode(document)
        now = self._clock.now()
        number = new_id("wfl")
        try:
            async with self._database.transaction() as connection:
                await connection.execute(
                    "INSERT INTO workflow.workflows (id, name, label, description, life_safety, active_version, "
                    "latest_version, revision, created_at, created_by, updated_at, updated_by) "
                    "VALUES ($1, $2, $3, $4, $5, $6, 1, 1, $7, $8, $7, $8)",
                    number,
                    document.name,
                    document.label,
                    document.description,
                    document.life_safety,
                    1 if activate else None,
                    now,
                    who,
                )
                await _add_version(connection, number, 1, encoded, (now, who))
        except asyncpg.UniqueViolationError:
            raise Conflict(
                f'a workflow named "{document.name}" exists; add a version to it or choose another name',
                slug="workflow-name-taken",
            ) from None
        return await self.read(number)

    async def add_version(
        self, key: str, document: WorkflowDocument, who: str, *, expected: int | None, revision: int | None
    ) -> dict[str, Any]:
        """Keep a new version beside the others; it judges nothing before it is activated.

        Raises:
            Conflict: the newest version is not `expected`, or the workflow is not at `revision` any more.
        """
        encoded = encode(document)
        now = self._clock.now()
        async with self._database.transaction() as connection:
            row = await _locked(connection, key)
            _check_revision(row, revision)
            if expected is not None and row["latest_version"] != expected:
                raise Conflict(
                    f"the newest version is {row['latest_version']}, not {expected}; read it and decide anew",
                    slug="version-conflict",
                    latest_version=row["latest_version"],
                )
            if row["name"] != document.name:
                raise Invalid(
                    f'the document is named "{document.name}" and the workflow "{row["name"]}"; a name never changes',
                )
            version = row["latest_version"] + 1
            await _add_version(connection, row["id"], version, encoded, (now, who))
            await connection.execute(
                "UPDATE workflow.workflows SET latest_version = $2, label = $3, description = $4, life_safety = $5, "
                "revision = revision + 1, updated_at = $6, updated_by = $7 WHERE id = $1",
                row["id"],
                version,
                document.label,
                document.description,
                document.life_safety,
                now,
                who,
            )
        return await self.read(row["id"])

    async def activate(self, key: str, version: int | None, who: str, *, revision: int | None) -> dict[str, Any]:
        """Let a version judge from now on; None lets none. An unknown version is `NotFound`. Repeats change nothing."""
        async with self._database.transaction() as connection:
            row = await _locked(connection, key)
            _check_revision(row, revision)
            if version is not None and not 1 <= version <= row["latest_version"]:
                raise NotFound(f"there is no version {version}; the newest is {row['latest_version']}")
            if row["active_version"] != version:
                await connection.execute(
                    "UPDATE workflow.workflows SET active_version = $2, revision = revision + 1, updated_at = $3, "
                    "updated_by = $4 WHERE id = $1",
                    row["id"],
                    version,
                    self._clock.now(),
                    who,
                )
        return await self.read(row["id"])

    async def read(self, key: str, version: int | None = None) -> dict[str, Any]:
        """Give a workflow by id or name with one version's document: the given, else the active, else the newest."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(
                f"SELECT {_COLUMNS}, v.version, v.sha256, v.document FROM workflow.workflows w "  # noqa: S608 - ours
                "JOIN workflow.versions v ON v.workflow_id = w.id "
                "AND v.version = coalesce($2, w.active_version, w.latest_version) "
                f"WHERE w.{_by(key)} = $1",
                key,
                version,
            )
        if row is None:
            raise NotFound(_absent(key) if version is None else f"there is no version {version} of {key!r}")
        return _shown(row) | {
            "version": row["version"],
            "sha256": row["sha256"],
            "document": msgspec.Raw(row["document"].encode()),
        }

    async def page(
        self, *, name: str | None, active: bool | None, limit: int, after: str | None
    ) -> list[dict[str, Any]]:
        """List workflows, newest first, without their documents; `name` finds a part of a name."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                f"SELECT {_COLUMNS} FROM workflow.workflows w "  # noqa: S608 - ours
                "WHERE ($1::text IS NULL OR position(lower($1) IN lower(w.name)) > 0) "
                "AND ($2::boolean IS NULL OR (w.active_version IS NOT NULL) = $2) "
                "AND ($3::text IS NULL OR w.id < $3) ORDER BY w.id DESC LIMIT $4",
                name,
                active,
                after,
                limit,
            )
        return [_shown(row) for row in rows]

    async def versions(self, key: str, limit: int, before: int | None) -> list[dict[str, Any]]:
        """List the versions of a workflow, newest first, without their documents."""
        async with self._database.connection() as connection:
            number = await connection.fetchval(
                f"SELECT id FROM workflow.workflows WHERE {_by(key)} = $1",  # noqa: S608 - ours
                key,
            )
            if number is None:
                raise NotFound(_absent(key))
            rows = await connection.fetch(
                "SELECT version, sha256, created_at, created_by FROM workflow.versions "
                "WHERE workflow_id = $1 AND ($2::int IS NULL OR version < $2) ORDER BY version DESC LIMIT $3",
                number,
                before,
                limit,
            )
        return [dict(row) | {"created_at": iso(row["created_at"])} for row in rows]

    async def active(self) -> list[dict[str, Any]]:
        """List every workflow that judges now: id, name, version, digest of the document."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                "SELECT w.id, w.name, v.version, v.sha256 FROM workflow.workflows w JOIN workflow.versions v "
                "ON v.workflow_id = w.id AND v.version = w.active_version ORDER BY w.id"
            )
        return [dict(row) for row in rows]

    async def exists(self, name: str) -> bool:
        """Tell whether a name is taken."""
        async with self._database.connection() as connection:
            return bool(await connection.fetchval("SELECT true FROM workflow.workflows WHERE name = $1", name))


def encode(document: WorkflowDocument) -> tuple[str, str]:
    """Write a document as JSON, always the same way, with its SHA-256."""
    raw = ENCODER.encode(document)
    return raw.decode(), hashlib.sha256(raw).hexdigest()


async def _add_version(
    connection: Any, number: str, version: int, encoded: tuple[str, str], stamp: tuple[datetime, str]
) -> None:
    await connection.execute(
        "INSERT INTO workflow.versions (workflow_id, version, document, sha256, created_at, created_by) "
        "VALUES ($1, $2, $3, $4, $5, $6)",
        number,
        version,
        *encoded,
        *stamp,
    )


async def _locked(connection: Any, key: str) -> Mapping[str, Any]:
    row: Mapping[str, Any] | None = await connection.fetchrow(
        f"SELECT * FROM workflow.workflows WHERE {_by(key)} = $1 FOR UPDATE",  # noqa: S608 - ours
        key,
    )
    if row is None:
        raise NotFound(_absent(key))
    return row


def _check_revision(row: Mapping[str, Any], revision: int | None) -> None:
    if revision is not None and row["revision"] != revision:
        raise Conflict(
            f"somebody changed this workflow (revision {row['revision']}, not {revision}); read it and decide anew",
            slug="revision-conflict",
            revision=row["revision"],
        )


def _by(key: str) -> str:
    return "id" if is_id(key, "wfl") else "name"


def _absent(key: str) -> str:
    return f"there is no workflow {key[:120]!r}"


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name.removeprefix("w."): row[name.removeprefix("w.")] for name in _COLUMNS.split(", ")}
    return shown | {"created_at": iso(row["created_at"]), "updated_at": iso(row["updated_at"])}
