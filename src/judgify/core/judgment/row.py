"""One execution as it is written: to the database, or to the spool first."""

import hashlib
import zlib
from typing import Any, Final

import msgspec

from judgify.core.contracts.wire import ActionRequest, ExecutionRecord
from judgify.kit.errors import JudgifyError

ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"


class Order(msgspec.Struct, array_like=True, frozen=True):
    """One order to the action service, with its key."""

    key: str
    body: msgspec.Raw


class Row(msgspec.Struct, array_like=True, frozen=True):
    """An execution with what is written together with it. The record is JSON as it is answered.

    Attributes:
        created_at: UTC, ISO 8601.
        input_sha256: Digest of the input where the execution came with an idempotency key, else None.
    """

    id: str
    created_at: str
    workflow_id: str
    workflow_name: str
    workflow_version: int
    method_used: str
    verdict: str
    result: str | None
    degraded: bool
    time_ms: float
    record: msgspec.Raw
    input_sha256: str | None
    orders: list[Order]


_DECODER: Final = msgspec.json.Decoder(Row)


class TornLine(JudgifyError):
    """A line of the spool is not whole; nobody was told that it was kept."""


def row_of(record: ExecutionRecord, orders: list[ActionRequest]) -> Row:
    """Make the row of a record."""
    digest = None
    if record.idempotency_key is not None:
        digest = digest_of(record.input_data)
    return Row(
        record.id,
        record.created_at,
        record.workflow_id,
        record.workflow_name,
        record.workflow_version,
        record.method_used,
        record.verdict,
        _column(record.result),
        record.degraded,
        record.time_ms,
        msgspec.Raw(ENCODER.encode(record)),
        digest,
        [Order(order.idempotency_key, msgspec.Raw(ENCODER.encode(order))) for order in orders],
    )


def digest_of(given: msgspec.Raw) -> str:
    """Give the digest by which two inputs of one idempotency key are compared."""
    return hashlib.sha256(bytes(given)).hexdigest()


def to_line(row: Row) -> bytes:
    """Write a row as one line: CRC-32 of the rest, space, JSON."""
    # JSON of ours holds no bare line break, but the caller's own bytes inside it may.
    body = ENCODER.encode(row).replace(b"\r", b" ").replace(b"\n", b" ")
    return b"%08x %s\n" % (zlib.crc32(body), body)


def from_line(line: bytes) -> Row:
    """Read a line that `to_line` wrote, without its line break; one that is cut or changed is `TornLine`."""
    try:
        if int(line[:8], 16) == zlib.crc32(line[9:]):
            return _DECODER.decode(line[9:])
    except (ValueError, msgspec.MsgspecError):
        pass
    raise TornLine


def id_from_key(workflow_id: str, key: str) -> str:
    """Make the execution id that an idempotency key stands for on one workflow: always the same."""
    number = int.from_bytes(hashlib.sha256(f"{workflow_id}\n{key}".encode()).digest()[:16], "big")
    return "exe_" + "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))


def _column(result: Any) -> str | None:
    """Give a result as the text by which executions are found; PostgreSQL has no form for NUL in one."""
    if result is None:
        return None
    text = result if isinstance(result, str) else ENCODER.encode(result).decode()
    return text.replace("\x00", "\ufffd")[:500]
