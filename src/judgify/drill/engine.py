"""What a drill asks of the response engine: registering, following the incident, closing it, fetching its documents."""

from datetime import datetime
from typing import Any, Final

from judgify.kit.client import ServiceClient
from judgify.kit.clock import parse

BASE: Final = "/api/v2/response"
_AS_DRILL: Final = {"X-Judgify-OS-User": "drill"}
UNSETTLED: Final = frozenset({"open", "acknowledged", "mitigating", "recovered"})
DOCUMENTS: Final = tuple((kind, lang) for kind in ("log", "postmortem") for lang in ("ko", "en"))


class Engine:
    """The engine's API as a drill sees it. Errors are those of the client."""

    def __init__(self, client: ServiceClient) -> None:
        """Speak through a client that holds the command line's token."""
        self._client = client

    async def automation(self) -> dict[str, Any]:
        """Give the state of the hold switch."""
        return dict(await self._client.get(f"{BASE}/automation"))

    async def wait_for_policy_s(self, unit: str, now: datetime) -> float:
        """Give the seconds until the automation policy would start this unit by itself again; 0 when it would now."""
        moment = (await self.automation()).get("next_start_at", {}).get(unit)
        return 0.0 if moment is None else max(0.0, (parse(moment) - now).total_seconds())

    async def register(self, drill_id: str, scenario: str, services: tuple[str, ...]) -> None:
        """Tell the engine that a drill begins, so that its signals carry the drill's id."""
        await self._client.post(f"{BASE}/drills", {"id": drill_id, "scenario": scenario, "services": list(services)})

    async def finish(self, drill_id: str, report: dict[str, Any]) -> None:
        """Tell the engine that the drill is over, and what it measured."""
        await self._client.post(f"{BASE}/drills/{drill_id}/finish", {"report": report})

    async def incident_of(self, drill_id: str) -> dict[str, Any] | None:
        """Give the drill's incident, the first one where there are several, or None while there is none."""
        found = await self._client.get(f"{BASE}/incidents", drill=drill_id, limit=20)
        return dict(found[-1]) if found else None

    async def open_on(self, service: str) -> str | None:
        """Give the id of an unsettled incident that touches the service, or None."""
        for incident in await self._client.get(f"{BASE}/incidents", limit=50):
            if incident["state"] in UNSETTLED and service in incident["services"]:
                return str(incident["id"])
        return None

    async def incident(self, incident_id: str) -> dict[str, Any]:
        """Give an incident."""
        return dict(await self._client.get(f"{BASE}/incidents/{incident_id}"))

    async def timeline(self, incident_id: str) -> list[dict[str, Any]]:
        """Give an incident's timeline entries in order."""
        return list(await self._client.get(f"{BASE}/incidents/{incident_id}/timeline"))

    async def act(self, incident_id: str, verb: str, body: dict[str, Any] | None = None) -> None:
        """Do one of ack, note, rootcause, resolve, close."""
        await self._client.post(f"{BASE}/incidents/{incident_id}/{verb}", body or {}, headers=_AS_DRILL)

    async def add_action(self, incident_id: str, text: str, owner: str, due: str) -> None:
        """Add an action item, due at an ISO moment."""
        body = {"incident_id": incident_id, "text": text, "owner": owner, "due": due, "horizon": "month"}
        await self._client.post(f"{BASE}/actions", body, headers=_AS_DRILL)

    async def document(self, incident_id: str, kind: str, lang: str) -> str:
        """Give a document as Markdown."""
        path = f"{BASE}/incidents/{incident_id}/documents/{kind}"
        response = await self._client.raw("GET", path, params={"lang": lang}, headers={"Accept": "text/markdown"})
        return response.text if response.is_success else ""
