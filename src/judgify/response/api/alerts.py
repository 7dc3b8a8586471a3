"""Alertmanager's API, version 2, as far as Prometheus and amtool ask: what stands, and that somebody is there.

`POST /api/v2/alerts` is one of the fast ways in (`lane`). Silences are not kept here: a planned rollout, or the hold
switch, is what suppresses; amtool is told so rather than given an empty success.
"""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request

from judgify import __version__
from judgify.kit.clock import iso
from judgify.kit.errors import Invalid
from judgify.response.api.parts import response
from judgify.response.api.signin import Signin
from judgify.response.intake.matcher import Matcher, read_matcher
from judgify.response.model import UNSETTLED, SignalRow
from judgify.response.standing import KIND, Standing, key_of

router = APIRouter(prefix="/api/v2")
RECEIVER: Final = {"name": "judgify"}
MAX_SHOWN: Final = 10_000
"""Alerts that one answer shows; the newest incidents' come first."""
MAX_INCIDENTS: Final = 500


async def _reader(request: Request) -> None:
    signin: Signin = request.app.state.signin
    header = request.headers.get("authorization")
    await signin.sender(None if header is None else header.encode("latin-1"), lambda: request)


Reader = Annotated[None, Depends(_reader)]


@router.get("/status")
async def status(request: Request, _: Reader) -> dict[str, Any]:
    """Tell that the engine is there, in Alertmanager's words; there is no cluster and no configuration to show."""
    started = response(request).started_at
    return {
        "cluster": {"status": "disabled", "peers": []},
        "versionInfo": {
            **dict.fromkeys(("branch", "buildDate", "buildUser", "goVersion", "revision"), ""),
            "version": f"judgify {__version__}",
        },
        "config": {"original": "# Judgify: the guide decides who hears of what\n"},
        "uptime": iso(started),
    }


@router.get("/receivers")
async def receivers(_: Reader) -> list[dict[str, str]]:
    """Give the one receiver that there is."""
    return [RECEIVER]


@router.get("/silences")
async def silences(_: Reader) -> list[dict[str, Any]]:
    """Give no silences: there are none here."""
    return []


@router.get("/alerts")
async def alerts(
    request: Request,
    _: Reader,
    matchers: Annotated[list[str] | None, Query(alias="filter")] = None,
    *,
    active: bool = True,
    silenced: bool = True,
    inhibited: bool = True,
    unprocessed: bool = True,
    receiver: str = "",
) -> list[dict[str, Any]]:
    """List the outside alerts that stand, of incidents that are not over."""
    del silenced, inhibited, unprocessed, receiver  # nothing here is ever any of these
    if not active:
        return []
    return await _shown(request, [_read(text) for text in matchers or ()])


@router.get("/alerts/groups")
async def groups(
    request: Request,
    _: Reader,
    matchers: Annotated[list[str] | None, Query(alias="filter")] = None,
    *,
    active: bool = True,
    silenced: bool = True,
    inhibited: bool = True,
    receiver: str = "",
) -> list[dict[str, Any]]:
    """List them by alert name."""
    del silenced, inhibited, receiver  # as above
    found = await _shown(request, [_read(text) for text in matchers or ()]) if active else []
    names = dict.fromkeys(one["labels"].get("alertname", "") for one in found)
    return [
        {
            "labels": {"alertname": name},
            "receiver": RECEIVER,
            "alerts": [one for one in found if one["labels"].get("alertname", "") == name],
        }
        for name in names
    ]


def _read(text: str) -> Matcher:
    found = read_matcher(text)
    if found is None:
        raise Invalid(f'filter: {text[:100]!r} is no matcher; write name="value", !=, =~ or !~')
    return found


async def _shown(request: Request, matchers: list[Matcher]) -> list[dict[str, Any]]:
    def work(tx: Any) -> list[dict[str, Any]]:
        standing = {kept.id: kept for kept in tx.all_kept(KIND)}
        shown: list[dict[str, Any]] = []
        for incident in tx.incidents(states=tuple(sorted(UNSETTLED)), limit=MAX_INCIDENTS):
            for row in tx.signals(incident.id):
                kept = standing.get(key_of(row.signal))
                if kept is None or not all(one.fits(row.signal.labels) for one in matchers):
                    continue
                known = Standing.model_validate({"key": kept.id, **kept.body})
                if known.stands:
                    shown.append(_alert(row, known))
            if len(shown) >= MAX_SHOWN:
                break
        return shown[:MAX_SHOWN]

    return await response(request).desk.ask(work)


def _alert(row: SignalRow, known: Standing) -> dict[str, Any]:
    # A live alert has no end; Alertmanager's clients want one, and show it nowhere.
    begun = iso(known.started_at or row.first_at)
    return {
        "labels": row.signal.labels,
        "annotations": {"summary": row.signal.text, "incident": known.incident_id},
        "startsAt": begun,
        "updatedAt": iso(row.last_at),
        "endsAt": "0001-01-01T00:00:00.000Z",
        "fingerprint": known.key[:16],
        "generatorURL": "",
        "receivers": [RECEIVER],
        "status": {"state": "active", "silencedBy": [], "inhibitedBy": []},
    }
