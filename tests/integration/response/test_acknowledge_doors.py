"""The ways in for acknowledging over HTTP: signatures, tokens, the page behind a link, and what a stranger gets."""

import hashlib
import hmac
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from slack_sdk.signature import SignatureVerifier
from tests.integration.response.test_http import Site
from tests.support.response_world import MINSU, World, default_guide

from judgify.console import pages
from judgify.response.ack_setup import ack_intake
from judgify.response.api.acknowledge import is_signed
from judgify.response.guide.people import SmsReply
from judgify.response.guide.schema import Guide
from judgify.response.guide_policy import GuidePolicy
from judgify.response.ticket import VALID, Tickets

pytestmark = pytest.mark.guide("G06", "G08")
P = "/api/v2/response/intake"
OWN = "http://127.0.0.1:8010"
TICKETS = Tickets("a secret of tests")
ENVIRON = {"PD_HOOK": "pd-webhook-secret", "PD_OLD": "pd-former-secret", "SMS_REPLY": "sms-gateway-token", "GW": "gw2"}


def guide() -> Guide:
    known = default_guide()
    reply = SmsReply(token="env:SMS_REPLY", number="message.from", text="message.text", id="message.id")
    bare = SmsReply(token="env:GW", header="X-Gateway-Key")
    channels = dict(known.channels)
    channels["pagerduty"] = channels["pagerduty"].model_copy(update={"enabled": True, "webhook_secret": "env:PD_HOOK"})
    channels["pd-two"] = channels["pagerduty"].model_copy(update={"source": "two", "webhook_secret": "env:PD_UNSET"})
    channels["sms"] = channels["sms"].model_copy(update={"enabled": True, "reply": reply})
    channels["sms-two"] = channels["sms"].model_copy(update={"reply": bare})
    channels["sms-mute"] = channels["sms"].model_copy(update={"reply": None})
    persons = {
        key: person.model_copy(update={"phone": "010-1234-5678"} if key == "ops-lead" else {})
        for key, person in known.contacts.persons.items()
    }
    return replace(known, channels=channels, contacts=known.contacts.model_copy(update={"persons": persons}))


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    world = World(tmp_path)
    world.policy = GuidePolicy(guide())
    await world.up()
    made = Site(world, tmp_path)
    pages.mount(made.app)
    intake = ack_intake(guide(), world.core.desk, TICKETS, home=tmp_path, environ=ENVIRON, clock=world.clock)
    made.app.state.response = replace(made.app.state.response, acknowledging=intake)
    yield made
    await made.http.aclose()
    await world.down()


async def incident(site: Site) -> str:
    found = await site.world.fails("gateway") or ""
    await site.world.tick()
    return found


def hook(site: Site, incident_id: str, **fields: Any) -> bytes:
    """What PagerDuty sends, in the form of its own documentation."""
    event = {
        "id": "5ac64822-4adc-4fda-ade0-410becf0de4f",
        "event_type": "incident.acknowledged",
        "resource_type": "incident",
        "occurred_at": site.world.clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "agent": {
            "html_url": "https://acme.pagerduty.com/users/PLH1HKV", "id": "PLH1HKV",
            "self": "https://api.pagerduty.com/users/PLH1HKV", "summary": "Tenex Engineer", "type": "user_reference",
        },
        "client": {"name": "PagerDuty"},
        "data": {"id": "PGR0VU2", "type": "incident", "incident_key": f"judgify:{incident_id}"},
        **fields,
    }  # fmt: skip
    return json.dumps({"event": event}).encode()


def sign(body: bytes, secret: str = ENVIRON["PD_HOOK"]) -> str:
    return "v1=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


async def send(site: Site, body: bytes, signature: str | None) -> httpx.Response:
    headers = {} if signature is None else {"X-PagerDuty-Signature": signature}
    return await site.http.post(f"{P}/pagerduty/webhook", content=body, headers=headers)


async def test_pagerduty_is_believed_by_its_signature_only(site: Site) -> None:
    incident_id = await incident(site)
    body = hook(site, incident_id)
    good = sign(body)
    wrong = [
        None, "", "v1=", "v1=" + "0" * 64, good[3:], good.replace("v1=", "v2="), good.upper(), sign(body + b" "),
        sign(body, "pd-former-secret"), good[:-1], "v1=é", ",".join(["v1=" + "0" * 64] * 10 + [good]),
    ]  # fmt: skip
    for one in wrong:
        try:
            answer = await send(site, body, one)
        except UnicodeEncodeError:
            continue  # no client can put this into a header
        assert answer.status_code == 401, one
    assert (await site.world.incident(incident_id)).holder is None
    # While a secret is being replaced both signatures come, in either order, among versions to come.
    answer = await send(site, body, f"v9=abc, {sign(body, 'pd-former-secret')},{good}")
    assert (answer.status_code, answer.json()["data"]) == (200, {"result": "taken", "taken": True})
    assert str((await site.world.incident(incident_id)).holder) == "Tenex Engineer (PagerDuty)"
    again = await send(site, body, good)
    assert again.json()["data"] == {"result": "repeat", "taken": False}


async def test_what_is_signed_and_no_webhook_is_told_so(site: Site) -> None:
    for body in (b"", b"[]", b'{"event": 1}', b'{"event": {"id": "x"}}', b"\xff", b"[" * 100_000,
                 hook(site, "INC-1", occurred_at="yesterday"), hook(site, "INC-1", agent="x")):  # fmt: skip
        answer = await send(site, body, sign(body))
        assert answer.status_code == 400, body[:60]
        assert answer.json()["type"].endswith("malformed")
    ping = hook(site, "INC-1", event_type="pagey.ping", agent=None, data=None)
    answer = await send(site, ping, sign(ping))
    assert (answer.status_code, answer.json()["data"]["result"]) == (200, "not-of-interest")
    large = b" " * 300_000
    assert (await send(site, large, sign(large))).status_code == 400


def test_signatures_are_those_of_the_published_scheme() -> None:
    body = b'{"event":{"id":"x"}}'
    assert is_signed("key", body, sign(body, "key"))
    # HMAC-SHA256 of the raw body in hexadecimal: RFC 4231, test case 2.
    vector = "v1=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert is_signed("Jefe", b"what do ya want for nothing?", vector)
    assert not is_signed("Jefe", b"what do ya want for nothing!", vector)


def test_slacks_signatures_are_those_of_its_own_documentation() -> None:
    # The vector of Slack's documentation, by the vendor's own verifier, which our door uses.
    body = (
        "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        "&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        "&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554"
        "%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    verifier = SignatureVerifier("8f742231b10e8888abcd99yyyzzz85a5")
    signature = verifier.generate_signature(timestamp="1531420618", body=body)
    assert signature == "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"


async def test_a_gateway_is_believed_by_its_token_and_its_answers_are_read(site: Site) -> None:
    incident_id = await incident(site)
    code = TICKETS.code(await site.world.incident(incident_id), "ops-lead")
    body = {"message": {"from": "+821012345678", "text": f"접수 {code}", "id": "m-1"}}
    for headers in ({}, {"Authorization": "sms-gateway-token"}, {"Authorization": "Bearer no"},
                    {"X-Gateway-Key": "sms-gateway-token"}, {"Authorization": "Bearer gw2"}):  # fmt: skip
        answer = await site.http.post(f"{P}/sms/sms", json=body, headers=headers)
        assert answer.status_code == 401
    assert (await site.world.incident(incident_id)).holder is None
    good = {"Authorization": "Bearer sms-gateway-token"}
    for broken in (b"", b"no json", b'{"message": {"from": "+82"}}', b'{"message": {"text": "x"}}', b"[]"):
        assert (await site.http.post(f"{P}/sms/sms", content=broken, headers=good)).status_code == 400
    answer = await site.http.post(f"{P}/sms/sms", json=body, headers=good)
    assert (answer.status_code, answer.json()["data"]) == (200, {"result": "taken"})
    assert (await site.http.post(f"{P}/sms/sms", json=body, headers=good)).json()["data"] == {"result": "repeat"}
    form = urlencode({"from": "01012345678", "text": f"ack {code}"})
    headers = {"X-Gateway-Key": "gw2", "Content-Type": "application/x-www-form-urlencoded"}
    answer = await site.http.post(f"{P}/sms/sms-two", content=form, headers=headers)
    assert answer.json()["data"] == {"result": "yours"}
    for closed in ("sms-mute", "email-person", "nothing"):
        assert (await site.http.post(f"{P}/sms/{closed}", json=body, headers=good)).status_code == 404


async def test_strangers_at_the_doors_are_slowed_down_and_gateways_are_not(site: Site) -> None:
    incident_id = await incident(site)
    codes = {(await site.http.post(f"{P}/sms/sms", json={}, headers={"X": "y"})).status_code for _ in range(60)}
    assert codes == {401, 429}
    body = hook(site, incident_id)
    assert (await send(site, body, sign(body))).status_code == 200


async def token_of(site: Site, incident_id: str) -> str:
    page = next(one for one in await site.world.pages(incident_id) if one.person == "ops-lead" and one.kind == "page")
    return TICKETS.token(page)


async def test_a_link_shows_a_page_and_acts_on_a_press_only(site: Site) -> None:
    incident_id = await incident(site)
    token = await token_of(site, incident_id)
    for _ in range(3):  # scanners, previews, an impatient person
        shown = await site.http.get("/ack", params={"token": token})
        assert shown.status_code == 200
        assert "접수 - 내가 맡습니다" in shown.text
        assert shown.headers["referrer-policy"] == "same-origin"
        assert (await site.http.head("/ack", params={"token": token})).status_code in {200, 405}
    assert (await site.world.incident(incident_id)).holder is None
    english = await site.http.get("/ack", params={"token": token, "lang": "en"})
    assert "Acknowledge: I take it" in english.text
    # The other language is a link that keeps the token.
    assert f"lang=ko&amp;token={token}" in english.text
    site.http.cookies.clear()

    for origin in ({"origin": "https://evil.example"}, {"origin": "null"}, {}):
        assert (await site.http.post("/ack", data={"token": token}, headers=origin)).status_code == 403
    assert (await site.world.incident(incident_id)).holder is None
    done = await site.http.post("/ack", data={"token": token}, headers={"origin": OWN})
    assert done.status_code == 200
    assert "접수되었습니다" in done.text
    assert token not in done.text
    assert str((await site.world.incident(incident_id)).holder) == "ops-lead"

    again = await site.http.post("/ack", data={"token": token}, headers={"origin": OWN})
    assert again.status_code == 410
    assert "이미 사용한 링크입니다" in again.text
    assert "ops-lead" in again.text
    looked = await site.http.get("/ack", params={"token": token, "lang": "en"})
    assert looked.status_code == 410
    assert "This link was used already" in looked.text
    assert '<form method="post" action="/ack">' not in looked.text


async def test_old_foreign_and_late_links_say_what_they_are(site: Site) -> None:
    incident_id = await incident(site)
    token = await token_of(site, incident_id)
    for wrong in ("", "x", token[:-1] + "!", Tickets("theirs").token((await site.world.pages(incident_id))[0])):
        answer = await site.http.post("/ack", data={"token": wrong}, headers={"origin": OWN})
        assert answer.status_code == 404
        assert incident_id not in answer.text
    await site.world.core.engine.acknowledge(incident_id, MINSU, "console")
    assert "이미 다른 사람이 담당합니다" in (await site.http.get("/ack", params={"token": token})).text
    await site.world.clock.advance(VALID.total_seconds() + 1)
    late = await site.http.get("/ack", params={"token": token})
    assert late.status_code == 410
    assert "만료된 링크입니다" in late.text
    assert re.search(r"담당</dt><dd>minsu", late.text)
    codes = {(await site.http.get("/ack", params={"token": "x"})).status_code for _ in range(60)}
    assert codes == {404, 429}


async def test_no_answer_and_no_log_tells_a_token_or_a_code(
    site: Site, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    incident_id = await incident(site)
    token = await token_of(site, incident_id)
    code = TICKETS.code(await site.world.incident(incident_id), "ops-lead")
    good = {"Authorization": "Bearer sms-gateway-token"}
    body = {"message": {"from": "+821099999999", "text": f"접수 {code}", "id": "1"}}
    answers = [
        await site.http.get("/ack", params={"token": token + "x"}),
        await site.http.post("/ack", data={"token": token}, headers={"origin": "https://evil.example"}),
        await site.http.post("/ack", data={"token": token}, headers={"origin": OWN}),
        await site.http.post("/ack", data={"token": token}, headers={"origin": OWN}),
        await site.http.post(f"{P}/sms/sms", json=body, headers=good),
        await site.http.post(f"{P}/sms/sms", json=body),
        await send(site, b"{}", "v1=" + "0" * 64),
    ]
    seal = token.rpartition(".")[2]
    streams = "".join(capfd.readouterr()) + caplog.text
    for text in (*(answer.text for answer in answers), streams):
        assert seal not in text
        assert f"접수 {code}" not in text
        assert ENVIRON["SMS_REPLY"] not in text
        assert ENVIRON["PD_HOOK"] not in text
