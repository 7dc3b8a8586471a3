"""The handful of error kinds, and the one table from kind to HTTP status (RFC 9457 problem details)."""

from typing import Any, ClassVar, Final

PROBLEM_CONTENT_TYPE: Final = "application/problem+json"
_URN: Final = "urn:judgify:problem:"


class JudgifyError(Exception):
    """Something went wrong inside Judgify; the log line with this request id says what."""

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal error"

    def __init__(self, detail: str | None = None, *, slug: str | None = None, **fields: Any) -> None:
        """Keep one sentence an operator can act on; without it the class docstring speaks.

        Args:
            detail: what happened and what to do about it.
            slug: a narrower, stable problem type than the kind's own.
            fields: extension members of the problem document (JSON values).
        """
        self.detail = detail or (type(self).__doc__ or "").strip().splitlines()[0]
        self.type_slug = slug or self.slug
        self.fields = fields
        super().__init__(self.detail)

    def problem(self, request_id: str | None = None) -> dict[str, Any]:
        """Give the problem+json document of this error."""
        document: dict[str, Any] = {
            "type": _URN + self.type_slug,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **self.fields,
        }
        if request_id is not None:
            document["request_id"] = request_id
        return document


class Malformed(JudgifyError):
    """The request cannot be read; check that the body is valid JSON in UTF-8."""

    status = 400
    slug = "malformed"
    title = "Request cannot be read"


class Unauthenticated(JudgifyError):
    """No valid credential came with the request; sign in or send an API key."""

    status = 401
    slug = "unauthenticated"
    title = "Not signed in"


class Denied(JudgifyError):
    """This account's role does not allow the request."""

    status = 403
    slug = "denied"
    title = "Not allowed"


class NotFound(JudgifyError):
    """There is nothing of that name here."""

    status = 404
    slug = "not-found"
    title = "Not found"


class Conflict(JudgifyError):
    """The request does not fit the present state; read it again and decide anew."""

    status = 409
    slug = "conflict"
    title = "Conflict with the present state"


class TooLarge(JudgifyError):
    """The body is larger than this service accepts; send it in parts."""

    status = 413
    slug = "too-large"
    title = "Too large"


class Invalid(JudgifyError):
    """The request can be read, but a value in it is not acceptable."""

    status = 422
    slug = "invalid"
    title = "Value not acceptable"


class TooMany(JudgifyError):
    """Too many requests; wait as long as Retry-After says."""

    status = 429
    slug = "too-many-requests"
    title = "Too many requests"

    def __init__(self, detail: str | None = None, *, retry_after_s: int = 1, **fields: Any) -> None:
        """Keep the number of whole seconds after which a retry makes sense."""
        super().__init__(detail, retry_after_s=retry_after_s, **fields)


class Unavailable(JudgifyError):
    """A part that this request needs does not answer; try again shortly."""

    status = 503
    slug = "unavailable"
    title = "Temporarily unavailable"

    def __init__(
        self, detail: str | None = None, *, retry_after_s: int = 1, slug: str | None = None, **fields: Any
    ) -> None:
        """Keep the number of whole seconds after which a retry makes sense."""
        super().__init__(detail, slug=slug, retry_after_s=retry_after_s, **fields)


KINDS: Final[dict[int, type[JudgifyError]]] = {
    kind.status: kind
    for kind in (Malformed, Unauthenticated, Denied, NotFound, Conflict, TooLarge, Invalid, TooMany, Unavailable)
}


def from_problem(status: int, document: Any) -> JudgifyError:
    """Rebuild the error kind from an answer of another service; an unknown status becomes `JudgifyError`.

    A 502 or 504 counts as `Unavailable`. Fields of the document are kept, its `type` included.
    """
    known = dict(document) if isinstance(document, dict) else {}
    detail = str(known.pop("detail", "") or f"the other side answered {status}")
    slug = str(known.pop("type", "")).removeprefix(_URN) or None
    for name in ("title", "status"):
        known.pop(name, None)
    kind = Unavailable if status in {502, 504} else KINDS.get(status, JudgifyError)
    if kind is TooMany:
        return TooMany(detail, retry_after_s=int(known.pop("retry_after_s", 1)), **known)
    known = {str(key): value for key, value in known.items()}
    return kind(detail, slug=slug, **known)
