"""Who may see and do what on the pages: sessions, roles, and errors as pages that say what to do."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from judgify.console.look import HEADERS, Visitor, lang_of, page
from judgify.console.refusal import korean
from judgify.kit.auth import Principal
from judgify.kit.errors import Invalid, JudgifyError, Unauthenticated
from judgify.kit.log import get_logger, request_id_var
from judgify.response.api.parts import response
from judgify.response.api.signin import COOKIE, Signin

log = get_logger("judgify.console")
SAFE: Final = frozenset({"GET", "HEAD"})


class PageRoute(APIRoute):
    """A route whose errors are pages for people; without a session reading leads to the sign-in page."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the handler."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await handler(request)
            except Unauthenticated as error:
                if request.method in SAFE:
                    back = quote(request.url.path)
                    return RedirectResponse(f"/login?next={back}", 303, headers=HEADERS)
                return await problem(request, error)
            except JudgifyError as error:
                return await problem(request, error)
            except RequestValidationError as error:
                first = error.errors()[0]
                return await problem(request, Invalid(f"{first['loc'][-1]}: {first['msg']}"))
            except HTTPException:
                raise
            except Exception:  # boundary: whoever looks at a page gets a page, the log has the rest
                log.exception("a page failed", path=request.url.path)
                return await problem(request, JudgifyError())

        return handle


async def problem(request: Request, error: JudgifyError) -> Response:
    """Show an error: what happened, what to do, and the id by which the log has it."""
    visitor = await look_up(request)
    told = str(error.problem("")["detail"])
    detail = told if lang_of(request) == "en" else korean(told, error.status)
    values = {"error": error, "detail": detail, "request_id": request_id_var.get()}
    return page(request, "error.html", visitor, status=error.status, **values)


async def look_up(request: Request) -> Visitor | None:
    """Give who holds the session cookie, or None."""
    cookie = request.cookies.get(COOKIE)
    found = None if cookie is None else await response(request).accounts.session(cookie)
    return None if found is None else Visitor(found[0], found[1].csrf)


async def visit(request: Request) -> Visitor:
    """Give who looks at a page; `Unauthenticated` without a session."""
    visitor = await look_up(request)
    if visitor is None:
        raise Unauthenticated("sign in first")
    return visitor


async def act(request: Request) -> Principal:
    """Give who sends a form: the session's cookie, this site's own Origin and the form's token, or `Denied`."""
    signin: Signin = request.app.state.signin
    return await signin.principal(request)


Seen = Annotated[Visitor, Depends(visit)]
Acting = Annotated[Principal, Depends(act)]


async def fields(request: Request) -> dict[str, str]:
    """Give a form's text fields without the empty ones and the token."""
    form: FormData = await request.form()
    return {name: value for name, value in form.items() if isinstance(value, str) and value and name != "csrf"}


def checked(model: type[Any], values: dict[str, Any]) -> Any:
    """Check a form's values; `Invalid` names the field that is wrong."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "form"
        raise Invalid(f"{where}: {first['msg']}") from None


def back(address: str, done: str = "") -> RedirectResponse:
    """Lead to a page after a form was taken; `done` names what was, for a line on that page."""
    target = f"{address}{'&' if '?' in address else '?'}done={done}" if done else address
    return RedirectResponse(target, 303, headers=HEADERS)
