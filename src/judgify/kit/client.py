"""JSON client for calls between our own processes, off the gateway's data path."""

from types import TracebackType
from typing import Any, Final, Self

import httpx

from judgify.kit import auth
from judgify.kit.clock import Clock
from judgify.kit.errors import Unavailable, from_problem
from judgify.kit.log import request_id_var

DEFAULT_TIMEOUT_S: Final = 5.0


class ServiceClient:
    """Calls one service and gives the `data` of its answer; a problem+json answer is raised as the error it was.

    A refused connection, a broken one and a timeout are `Unavailable`. Nothing is retried here: only the caller
    knows whether a repeat is safe.
    """

    def __init__(
        self,
        base_url: str,
        *,
        clock: Clock,
        secret: str | None = None,
        principal: auth.Principal | None = None,
        token: str | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Speak to `base_url` with a fixed bearer token, or as `principal` with tokens minted from `secret`."""
        self._clock = clock
        self._secret = secret
        self._principal = principal
        self._token = token
        self._base = base_url
        self._http = httpx.AsyncClient(base_url=base_url, timeout=timeout_s, transport=transport, trust_env=False)

    async def __aenter__(self) -> Self:
        """Use as a context manager to close the connections at its end."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def get(self, path: str, **params: Any) -> Any:
        """GET and give `data`; parameters that are None are left out."""
        return await self.request("GET", path, params={k: v for k, v in params.items() if v is not None})

    async def post(self, path: str, body: Any = None, *, headers: dict[str, str] | None = None) -> Any:
        """POST JSON and give `data`."""
        return await self.request("POST", path, json=body, headers=headers)

    async def request(self, method: str, path: str, **options: Any) -> Any:
        """Send one request and give `data` of a successful answer (or the whole document where it has none)."""
        response = await self.raw(method, path, **options)
        document = _document(response)
        if response.is_success:
            return document["data"] if isinstance(document, dict) and "data" in document else document
        raise from_problem(response.status_code, document)

    async def raw(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send one request and give the answer as it came, whatever its status."""
        headers = {**self._headers(), **(options.pop("headers", None) or {})}
        try:
            return await self._http.request(method, path, headers=headers, **options)
        except httpx.TimeoutException as error:
            raise Unavailable(f"{self._base} did not answer in time", slug="timeout") from error
        except httpx.HTTPError as error:
            raise Unavailable(f"{self._base} cannot be reached: {type(error).__name__}") from error

    def _headers(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        request_id = request_id_var.get()
        if request_id is not None:
            headers["X-Request-ID"] = request_id
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        elif self._secret is not None and self._principal is not None:
            headers["Authorization"] = f"Bearer {auth.mint(self._secret, self._principal, self._clock)}"
        return headers


def unix_client(socket: str, *, clock: Clock, timeout_s: float = DEFAULT_TIMEOUT_S) -> ServiceClient:
    """Give a client that speaks HTTP over a Unix socket; the socket's mode is the credential."""
    transport = httpx.AsyncHTTPTransport(uds=socket)
    return ServiceClient("http://supervisor", clock=clock, timeout_s=timeout_s, transport=transport)


def _document(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return {"detail": response.text[:500]} if not response.is_success else response.text
