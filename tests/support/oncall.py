"""Guides with schedules for tests: the default guide's people on rotations of our making."""

import json
from dataclasses import replace
from typing import Any

from tests.support.response_world import World, default_guide

from judgify.response.guide.oncall_file import OnCallFile
from judgify.response.guide.schema import Guide
from judgify.response.guide_policy import GuidePolicy
from judgify.response.oncall_desk import OnCallDesk


def layer(*persons: str, **more: Any) -> dict[str, Any]:
    """A weekly layer from Monday the 5th of January 2026, 09:00."""
    return {"name": "week", "persons": list(persons), "start": "2026-01-05", **more}


def schedule(*layers: dict[str, Any], zone: str = "Asia/Seoul", **more: Any) -> dict[str, Any]:
    return {"label": {"ko": "당직", "en": "duty"}, "zone": zone, "layers": list(layers), **more}


def on_call_file(**fields: Any) -> OnCallFile:
    """Read what oncall.yaml would hold."""
    return OnCallFile.model_validate_json(json.dumps(fields))


def guide_with(**fields: Any) -> Guide:
    """The default guide with these schedules, roles, services and contact rules."""
    return replace(default_guide(), oncall=on_call_file(**fields))


def switched_on(guide: Guide, *names: str) -> Guide:
    """The guide with these channels on."""
    channels = {
        name: channel.model_copy(update={"enabled": channel.enabled or name in names})
        for name, channel in guide.channels.items()
    }
    return replace(guide, channels=channels)


async def by_guide(world: World, guide: Guide) -> OnCallDesk:
    """Let a world's engine start again with another guide, as after an edit; give its on-call desk."""
    world.policy = GuidePolicy(guide)
    await world.crash()
    return OnCallDesk(world.core.desk, guide)
