"""Subscriptions to the status page: double opt-in, sending, ending. Addresses live here and nowhere else."""

import hashlib
import hmac
from datetime import timedelta
from typing import Final

from judgify.kit.errors import Invalid, NotFound, TooMany
from judgify.kit.ids import new_id
from judgify.response import paging
from judgify.response.desk import Desk, Work
from judgify.response.incident import Incident
from judgify.response.model import Lang, Page
from judgify.response.subscriber import SUBSCRIBER, Kind, Subscriber, address_of

CONFIRM_WITHIN: Final = timedelta(hours=24)
"""A subscription that its address has not confirmed by then is erased."""
ASK_AGAIN: Final = timedelta(minutes=10)
"""No address is asked for its confirmation more often than this."""
WINDOW_S: Final = 600.0
PER_CLIENT: Final = 5
"""Requests of one network address within ten minutes."""
IN_ALL: Final = 200
"""Requests of all together within ten minutes: nobody can make us write to many."""
MOST: Final = 10_000
"""Subscribers that one installation keeps."""
_SUBJECT: Final[dict[Lang, str]] = {
    "ko": "Judgify 상태 알림 구독을 확인해 주세요",
    "en": "Please confirm your subscription to Judgify status notices",
}
_ASK: Final[dict[Lang, str]] = {
    "ko": "이 주소로 Judgify 장애 알림을 받으시려면 아래 링크를 열고 확인을 눌러 주세요. "
    "24시간 동안 유효합니다.\n{link}\n신청하지 않으셨다면 무시하세요. 확인하지 않으면 주소는 삭제됩니다.",
    "en": "To receive Judgify incident notices at this address, open the link below and press confirm. "
    "It is valid for 24 hours.\n{link}\n"
    "If you did not ask for this, ignore it: without a confirmation the address is erased.",
}
_END: Final[dict[Lang, str]] = {"ko": "수신 거부: {link}", "en": "Unsubscribe: {link}"}
_TOLD: Final[dict[Lang, str]] = {"ko": "Judgify 서비스 장애 안내", "en": "Judgify service incident"}


class Subscriptions:
    """Handlers for subscribers; each command is one transaction.

    Links carry a keyed hash over the subscription, so that nothing that opens one is stored. An answer never tells
    whether an address was known.
    """

    def __init__(self, desk: Desk, *, secret: str, address: str) -> None:
        """Work at a desk; `secret` keys the links, which lead to the status page at `address`."""
        self._desk = desk
        self._secret = secret.encode()
        self._address = address.rstrip("/")
        self._asked: dict[str, list[float]] = {}
        self._swept: float | None = None

    async def subscribe(self, kind: Kind, text: str, lang: Lang, client: str) -> None:
        """Ask an address whether it wants notices. `Invalid` for no address, `TooMany` for too many requests."""
        address = address_of(kind, text)
        self._count(client)

        def work(job: Work) -> None:
            known = job.tx.subscriber_of(address)
            if known is not None and (known.confirmed_at is not None or job.now - known.asked_at < ASK_AGAIN):
                return
            if known is None and len(job.tx.subscribers()) >= MOST:
                return
            one = Subscriber(
                id=known.id if known else new_id("sub"),
                kind=kind,
                address=address,
                lang=lang,
                created_at=job.now,
                asked_at=job.now,
            )
            job.tx.save_subscriber(one)
            link = f"{self._address}/status/confirm?token={self.token('confirm', one)}"
            text = _ASK[lang].format(link=link)
            job.save_pages(self._rows(job, one, None, "subscription", {"subject": _SUBJECT[lang], "text": text}))

        await self._desk.command(work)

    async def confirm(self, token: str) -> Subscriber:
        """Confirm a subscription by the link in its own message. Twice is once. `NotFound` for any other token."""

        def work(job: Work) -> Subscriber:
            one = self._of(job, "confirm", token)
            if one.confirmed_at is not None:
                return one
            if job.now - one.created_at > CONFIRM_WITHIN:
                raise NotFound("this link is not valid any more; subscribe again")
            confirmed = one.model_copy(update={"confirmed_at": job.now})
            job.tx.save_subscriber(confirmed)
            return confirmed

        return await self._desk.command(work)

    async def unsubscribe(self, token: str) -> None:
        """End a subscription by the link that every message carries: the address is erased, what is due withdrawn.

        Twice is once: of a subscription that is gone nothing is left to end.
        """

        def work(job: Work) -> None:
            if job.tx.subscriber(token.partition(".")[0]) is not None:
                self._erase(job, self._of(job, "end", token))

        await self._desk.command(work)

    async def remove(self, subscriber_id: str) -> None:
        """End a subscription for an administrator. `NotFound` for another id."""

        def work(job: Work) -> None:
            one = job.tx.subscriber(subscriber_id)
            if one is None:
                raise NotFound(f"there is no subscriber {subscriber_id!r}")
            self._erase(job, one)

        await self._desk.command(work)

    async def listed(self) -> list[Subscriber]:
        """Give all subscribers, the oldest first."""
        return await self._desk.ask(lambda tx: tx.subscribers())

    async def sweep(self) -> None:
        """Erase what was never confirmed in time; looks once in ten minutes."""
        moment = self._desk.clock.monotonic()
        if self._swept is not None and moment - self._swept < WINDOW_S:
            return
        self._swept = moment
        now = self._desk.clock.now()
        late = [
            one for one in await self.listed() if one.confirmed_at is None and now - one.created_at > CONFIRM_WITHIN
        ]

        def work(job: Work) -> None:
            for one in late:
                self._erase(job, one)

        if late:
            await self._desk.command(work)

    def pages(self, job: Work, incident: Incident, texts: dict[str, str]) -> list[Page]:
        """Give one message for each confirmed subscriber, in the subscriber's language, with its own way out."""
        pages: list[Page] = []
        for one in job.tx.subscribers():
            if one.confirmed_at is None:
                continue
            link = _END[one.lang].format(link=f"{self._address}/status/unsubscribe?token={self.token('end', one)}")
            text = f"{texts.get(one.lang) or texts.get('ko', '')}\n\n{self._address}/status\n{link}"
            payload = {"announcement": "customers", "subject": _TOLD[one.lang], "text": text}
            pages += self._rows(job, one, incident.id, "customers", payload)
        return pages

    def _rows(
        self, job: Work, one: Subscriber, incident_id: str | None, row: str, payload: dict[str, str]
    ) -> list[Page]:
        planned = job.policy.customer_rows(one.kind, f"{SUBSCRIBER}{one.id}", row, job.now)
        update = {"address": one.address, "payload": payload}
        return [page.model_copy(update=update) for page in paging.rows(incident_id, planned, job.now)]

    def _erase(self, job: Work, one: Subscriber) -> None:
        job.tx.delete_subscriber(one.id)
        person = f"{SUBSCRIBER}{one.id}"
        owed = [page for page in job.tx.due_pages(job.now + timedelta(days=3_650), 100_000) if page.person == person]
        job.save_pages(
            [paging.withdrawn(page, "unsubscribed").model_copy(update={"address": "", "payload": {}}) for page in owed]
        )

    def token(self, purpose: str, one: Subscriber) -> str:
        """Give what a link carries: the subscription, and the hash that only we can make of it and its purpose."""
        said = f"{purpose}|{one.id}|{one.address}".encode()
        return f"{one.id}.{hmac.new(self._secret, said, hashlib.sha256).hexdigest()[:40]}"

    def _of(self, job: Work, purpose: str, token: str) -> Subscriber:
        one = job.tx.subscriber(token.partition(".")[0])
        expected = "-" if one is None else self.token(purpose, one)
        if one is None or not hmac.compare_digest(expected.encode(), token.encode()):
            raise NotFound("this link is not valid any more; subscribe again")
        return one

    def _count(self, client: str) -> None:
        """Hold each network address, and all together, to their rates."""
        moment = self._desk.clock.monotonic()
        for name in list(self._asked):
            self._asked[name] = [at for at in self._asked[name] if moment - at < WINDOW_S]
            if not self._asked[name]:
                del self._asked[name]
        mine = self._asked.setdefault(client, [])
        if len(mine) >= PER_CLIENT or sum(map(len, self._asked.values())) >= IN_ALL:
            raise TooMany("too many requests; try again in ten minutes", retry_after_s=int(WINDOW_S))
        mine.append(moment)


def kind_of(text: str) -> Kind:
    """Give which kind of address this is meant to be; `Invalid` for anything else than `email` and `sms`."""
    if text == "email":
        return "email"
    if text == "sms":
        return "sms"
    raise Invalid("kind: email or sms")
