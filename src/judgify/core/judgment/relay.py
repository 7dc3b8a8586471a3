"""Orders on their way to the action service: from the outbox, again and again until they are accepted."""

from typing import Any, Final

import msgspec

from judgify.kit.client import ServiceClient
from judgify.kit.clock import Clock
from judgify.kit.db import Database
from judgify.kit.errors import Conflict, JudgifyError, Unavailable
from judgify.kit.outbox import Claim, Outbox, Settlement, backoff_s

PATH: Final = "/internal/actions"
_REFUSED_WAIT_S: Final = 300.0


def build_relay(database: Database, client: ServiceClient, clock: Clock) -> Outbox:
    """Make the worker that hands orders over; an order is done once the action service has said that it has it."""

    async def hand_over(claim: Claim) -> Settlement:
        body: Any = msgspec.json.decode(claim.row["body"])
        try:
            await client.post(PATH, body)
        except Conflict:
            return Settlement("done", "accepted", "the action service had it already")
        except Unavailable as error:
            return Settlement("waiting", "unavailable", error.detail[:500], backoff_s(claim.number, cap_s=30))
        except JudgifyError as error:
            # Refused for what it says. Nothing is dropped: a mended action service takes it later.
            return Settlement("waiting", "refused", f"{error.type_slug}: {error.detail}"[:500], _REFUSED_WAIT_S)
        return Settlement("done", "accepted", "")

    return Outbox(database, "judgment.outbox", hand_over, clock=clock, lease_s=60)
