"""A contact's e-mail address or telephone number counts once its person has read a code there and said it.

The code is made of a random word by the installation's key when the message is written, so no store, timeline or log
ever holds it. What was verified is the address, not the channel: a changed one must be verified anew.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from judgify.kit.auth import same_secret
from judgify.kit.clock import iso, parse
from judgify.kit.errors import Conflict, Invalid, NotFound, TooMany
from judgify.kit.ids import new_id
from judgify.response.desk import Desk, Work
from judgify.response.guide.base import unfilled
from judgify.response.guide.people import EmailChannel, SmsChannel
from judgify.response.guide.schema import Guide
from judgify.response.kept import Kept
from judgify.response.model import Actor, Page
from judgify.response.ports import Tx
from judgify.response.text_answer import same_number

METHOD: Final = "method"
CODE: Final = "method-code"
VERIFY: Final = "verify"
"""Key of the payload of a message that carries a code; its value is the random word the code is made of."""
VALID: Final = timedelta(minutes=10)
AGAIN: Final = timedelta(seconds=30)
"""No address is sent codes more often than this."""
TRIES: Final = 5
DIGITS: Final = 6
_KEY: Final = b"judgify: codes of contact methods, version 1"


@dataclass(frozen=True, slots=True)
class Method:
    """One way to reach a person by an address of their own, and since when it is verified (None: it is not)."""

    person: str
    channel: str
    verified_at: datetime | None


class Codes:
    """Makes the code of a random word; whoever has the installation's secret makes the same one."""

    def __init__(self, secret: str) -> None:
        """Derive a key of its own from the installation's secret."""
        self._key = hmac.new(secret.encode(), _KEY, hashlib.sha256).digest()

    def code(self, person: str, channel: str, word: str) -> str:
        """Give six digits."""
        said = f"{person}\0{channel}\0{word}".encode()
        digest = hmac.new(self._key, said, hashlib.sha256).digest()
        return f"{int.from_bytes(digest[:8]) % 10**DIGITS:0{DIGITS}d}"


class Verification:
    """Handlers of codes; each is one transaction."""

    def __init__(self, desk: Desk, codes: Codes, guide: Guide) -> None:
        """Work at a desk, with the guide's contacts and channels."""
        self._desk = desk
        self._codes = codes
        self._guide = guide

    async def send(self, person: str, channel: str, actor: Actor) -> datetime:
        """Send a code to a person's own address on a channel; gives until when it is good.

        `NotFound` for a person or channel that the guide has not, `Invalid` for one without an address of the
        person's own, `TooMany` within half a minute of the last one. A new code ends the one before.
        """
        digest = self._address(person, channel)

        def work(job: Work) -> datetime:
            known = job.tx.kept(CODE, _id(person, channel))
            if known is not None and job.now - parse(str(known.body["at"])) < AGAIN:
                raise TooMany(
                    "a code was sent there just now; wait half a minute", retry_after_s=int(AGAIN.total_seconds())
                )
            word, until = secrets.token_hex(16), job.now + VALID
            body = {"word": word, "address": digest, "at": iso(job.now), "tries": 0, "by": str(actor)}
            job.tx.keep(Kept(kind=CODE, id=_id(person, channel), owner=person, until=until, body=body))
            page = Page(
                id=new_id("pg"),
                incident_id=None,
                kind="test",
                person=person,
                role=VERIFY,
                channel=channel,
                row=VERIFY,
                due_at=job.now,
                created_at=job.now,
                payload={VERIFY: word},
            )
            job.save_pages([page])
            return until

        return await self._desk.command(work)

    async def check(self, person: str, channel: str, code: str, actor: Actor) -> Method:
        """Take the code that was read there. `Conflict` when there is none (any more), `Invalid` when it is wrong.

        After five wrong ones the code is dead. Whoever says the code has read the message; who that was is kept.
        """
        digest = self._address(person, channel)

        def work(job: Work) -> Method | str:
            known = job.tx.kept(CODE, _id(person, channel))
            if known is None or known.until is None or known.until <= job.now or not _same(known.body, digest):
                return "no-code"
            expected = self._codes.code(person, channel, str(known.body["word"]))
            if not hmac.compare_digest(expected.encode(), "".join(code.split()).encode()):
                tries = int(known.body["tries"]) + 1
                if tries >= TRIES:
                    job.tx.drop(CODE, known.id)
                else:
                    job.tx.keep(known.model_copy(update={"body": known.body | {"tries": tries}}))
                return "wrong"
            job.tx.drop(CODE, known.id)
            body = {"address": digest, "at": iso(job.now), "by": str(actor)}
            job.tx.keep(Kept(kind=METHOD, id=known.id, owner=person, body=body))
            return Method(person, channel, job.now)

        # A refusal is raised after the commit, so that the try that was wrong stays counted.
        found = await self._desk.command(work)
        if found == "no-code":
            raise Conflict("there is no code for it that is still good; send a new one", slug="no-code")
        if not isinstance(found, Method):
            raise Invalid("the code is wrong; after five wrong ones send a new one", slug="wrong-code")
        return found

    async def methods(self) -> list[Method]:
        """Give every way to reach a contact by an address of their own, in the guide's order."""
        return await self._desk.ask(lambda tx: methods(tx, self._guide))

    def _address(self, person: str, channel: str) -> str:
        if person not in self._guide.contacts.persons:
            raise NotFound(f"{person!r} is not in the contacts; known are {', '.join(self._guide.contacts.persons)}")
        if channel not in self._guide.channels:
            raise NotFound(f"{channel!r} is not in the channels; known are {', '.join(self._guide.channels)}")
        if not self._guide.channels[channel].enabled:
            raise Invalid(f"the channel {channel} is switched off")
        digest = own_address(self._guide, person, channel)
        if digest is None:
            raise Invalid(f"{channel} does not reach {person} by an address of their own: there is nothing to verify")
        return digest


def methods(tx: Tx, guide: Guide) -> list[Method]:
    """Give every way to reach a contact by an address of their own, and since when each is verified."""
    known = {one.id: one.body for one in tx.all_kept(METHOD)}
    return [
        Method(person, channel, _since(known.get(_id(person, channel)), digest))
        for person in guide.contacts.persons
        for channel in guide.channels
        if (digest := own_address(guide, person, channel)) is not None and guide.channels[channel].enabled
    ]


def verified(tx: Tx, guide: Guide, person: str) -> frozenset[str]:
    """Give the channels through which a person is reached by an address of their own that is verified."""
    found = {one.id: one.body for one in tx.all_kept(METHOD, owner=person)}
    return frozenset(
        channel
        for channel in guide.channels
        if (digest := own_address(guide, person, channel)) is not None
        and _since(found.get(_id(person, channel)), digest) is not None
    )


def own_address(guide: Guide, person: str, channel: str) -> str | None:
    """Give the digest of the address at which a channel reaches exactly this person; None for a room or a list."""
    contact, known = guide.contacts.persons.get(person), guide.channels.get(channel)
    if contact is None:
        return None
    if isinstance(known, EmailChannel) and known.to is None and not unfilled(contact.email):
        return _digest("email", contact.email.lower())
    if isinstance(known, SmsChannel) and not unfilled(contact.phone):
        return _digest("sms", same_number(contact.phone))
    return None


def _since(body: dict[str, Any] | None, digest: str) -> datetime | None:
    return parse(str(body["at"])) if body is not None and _same(body, digest) else None


def _same(body: dict[str, Any], digest: str) -> bool:
    return same_secret(str(body["address"]), digest)


def _id(person: str, channel: str) -> str:
    return f"{person}/{channel}"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
