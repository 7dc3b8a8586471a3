"""The console's pages, mounted beside the engine's API in one process."""

from pathlib import Path
from typing import Final

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from judgify.console import acknowledge, board, channels, deed, emergency, incident_page, people, public, subscribe
from judgify.console.oncall_calendar import router as on_call_calendar
from judgify.console.oncall_page import router as on_call

STATIC: Final = Path(__file__).parent / "static"


def mount(app: FastAPI) -> None:
    """Add the pages, the forms and the static files to the engine's app."""
    for router in (
        public.router,
        subscribe.router,
        acknowledge.router,
        board.router,
        channels.router,
        emergency.router,
        incident_page.router,
        deed.router,
        people.router,
        on_call,
        on_call_calendar,
    ):
        app.include_router(router, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
