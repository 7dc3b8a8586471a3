"""Templates of documents are compiled once, in the fork server: a third of what an engine's start costs a processor."""

from typing import Any

from jinja2.environment import Environment

from bench.pager_proof.graft import graft


def compile_once() -> None:
    """Let environments of one kind share the code that a template's text was compiled to; code does not change."""
    compiled = Environment.compile
    known: dict[tuple[object, ...], Any] = {}

    def once(self: Environment, source: Any, *rest: Any, **more: Any) -> Any:
        key = (type(self), self.autoescape, self.undefined, source, rest, tuple(sorted(more.items())))
        if key not in known:
            known[key] = compiled(self, source, *rest, **more)
        return known[key]

    graft(Environment, "compile", once)
