"""The routes for templates: keep, list, read, preview."""

from typing import Annotated, Any, Final

from fastapi import FastAPI, Path, Query
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from judgify.core.notification.template import Language, Texts, say
from judgify.core.notification.template_store import TemplateStore
from judgify.kit.auth import Principal
from judgify.kit.clock import Clock
from judgify.kit.log import get_logger
from judgify.kit.web import answer, require

TEMPLATES: Final = "/api/v2/notification/templates"
log = get_logger("judgify.notification")

Reader = Annotated[Principal, require("viewer", "service")]
Writer = Annotated[Principal, require("commander", "service")]
Sender = Annotated[Principal, require("responder", "service")]
TemplateName = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class PutTemplate(_Strict):
    """New words of a template; `expected_version` guards against a race (0: it must be new)."""

    texts: Texts
    expected_version: Annotated[int, Field(ge=0, le=1_000_000)] | None = None


class Preview(_Strict):
    """What the places hold; with `texts` words that are not kept yet are tried."""

    variables: Annotated[dict[str, JsonValue], Field(max_length=100)] = Field(default_factory=dict)
    lang: Language = "ko"
    version: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    texts: Texts | None = None


def add_templates(app: FastAPI, store: TemplateStore, clock: Clock) -> None:
    """Add the routes."""

    @app.get(TEMPLATES)
    async def page(_: Reader) -> dict[str, Any]:
        """List templates in their newest version, with the variables that they need."""
        return answer(await store.page(), clock)

    @app.put(TEMPLATES + "/{name}")
    async def put(name: TemplateName, given: PutTemplate, who: Writer) -> dict[str, Any]:
        """Keep words as a template's newest version; the same words again are no new version."""
        kept, new = await store.put(name, given.texts, who.subject, given.expected_version)
        log.info("template kept", name=name, version=kept["version"], new=new, by=who.subject)
        return answer({**kept, "new": new}, clock, durability="database")

    @app.get(TEMPLATES + "/{name}")
    async def read(
        name: TemplateName, _: Reader, version: Annotated[int | None, Query(ge=1, le=1_000_000)] = None
    ) -> dict[str, Any]:
        """Read a template, in its newest version unless another is asked for."""
        return answer(await store.read(name, version), clock)

    @app.post(TEMPLATES + "/{name}/preview")
    async def preview(name: TemplateName, given: Preview, _: Sender) -> dict[str, Any]:
        """Show what a template would say; nothing is sent or kept."""
        if given.texts is None:
            found = await store.read(name, given.version)
            version, texts = found["version"], Texts.model_validate(found["texts"])
        else:
            version, texts = 0, given.texts
        said = say(name, version, texts, given.lang, given.variables)
        return answer({"subject": said.subject, "body": said.body, "short": said.short, "version": version}, clock)
