"""What `doctor` looks at beside the supervisor's own findings, and what `up` reminds of: guide, channels, fonts."""

import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

from judgify.kit.clock import SEOUL, SystemClock, parse, show
from judgify.kit.settings import Settings
from judgify.response.guide.loader import default_guide_dir, read_guide

_LOCAL_CHANNELS: Final = frozenset({"console", "mailbox"})


def finding(check: str, level: str, text: str, mend: str = "") -> dict[str, str]:
    """One look, in the form that the supervisor's preflight has."""
    return {"check": check, "level": level, "text": text, "mend": mend}


def has_real_channel(settings: Settings) -> bool:
    """Whether the guide has a channel switched on that reaches beyond this machine; a broken guide has none."""
    guide, _ = read_guide(settings.guide_dir or default_guide_dir())
    if guide is None:
        return False
    return any(channel.enabled and channel.kind not in _LOCAL_CHANNELS for channel in guide.channels.values())


def guide(settings: Settings) -> list[dict[str, str]]:
    """The guide's mistakes, and the number of its warnings."""
    folder = settings.guide_dir or default_guide_dir()
    today = SystemClock().now().astimezone(SEOUL).date()
    loaded, problems = read_guide(folder, today=today)
    if loaded is None:
        first = next(problem for problem in problems if problem.level == "error")
        more = sum(1 for problem in problems if problem.level == "error") - 1
        words = f"{first}" + (f", and {more} more" if more else "")
        return [finding("guide", "error", words, "judgify guide check")]
    words = f"{folder}: no mistakes, {len(problems)} things still to be filled in"
    found = [finding("guide", "ok", words)]
    if not has_real_channel(settings):
        mailbox = settings.home / "response" / "mailbox"
        words = f"no channel that reaches beyond this machine is on: pages go to the console and to {mailbox}"
        found.append(finding("channels", "warning", words, f"switch one on in {folder / 'channels.yaml'}"))
    return found


def fonts() -> dict[str, str]:
    """Charts in reports are drawn on this machine, and need a font with Hangul."""
    mend = "on Debian and Ubuntu: apt-get install fonts-nanum"
    if shutil.which("fc-list") is not None:
        try:
            done = subprocess.run(
                ["fc-list", ":lang=ko", "family"],  # noqa: S607 - wherever the system keeps it
                capture_output=True,
                text=True,
                check=False,
                timeout=30,
            )
            listed = done.stdout.split("\n")[0].strip()
        except (OSError, subprocess.TimeoutExpired):
            listed = ""  # its first run on a busy machine builds a cache; the folders say as much
        if listed:
            return finding("fonts", "ok", f"Hangul: {listed}")
    folders = (Path("/usr/share/fonts"), Path.home() / ".local/share/fonts", Path("/Library/Fonts"))
    names = ("nanum", "notosanscjk", "notosanskr", "applesdgothic")
    for folder in folders:
        for path in folder.rglob("*.tt?") if folder.exists() else ():
            if path.name.lower().startswith(names):
                return finding("fonts", "ok", f"Hangul: {path}")
    return finding("fonts", "warning", "no font with Hangul found; pictures of charts would show boxes", mend)


def contact_methods(rows: Any) -> list[dict[str, str]]:
    """Which of the contacts' own addresses were never verified by a code; nothing when the engine did not answer."""
    if not isinstance(rows, list) or not rows:
        return []
    never = [f"{row['person']} {row['channel']}" for row in rows if not row["verified_at"]]
    if not never:
        return [finding("contacts", "ok", f"all {len(rows)} addresses of contacts are verified")]
    words = f"{len(never)} of {len(rows)} addresses of contacts were never verified: {', '.join(never[:5])}"
    more = ", …" if len(never) > len(never[:5]) else ""
    return [finding("contacts", "warning", words + more, f"judgify oncall verify {never[0]}")]


def heartbeat(settings: Settings, seen: Any = None) -> dict[str, str]:
    """Whether anybody outside notices when this machine falls silent; `seen` is what the engine says of it, if any."""
    if settings.heartbeat_url is None:
        mend = "set JUDGIFY_HEARTBEAT_URL to an address that misses you"
        return finding("heartbeat", "warning", "no outward heartbeat: if this machine dies, nobody hears of it", mend)
    known = seen if isinstance(seen, dict) and seen.get("set") else {}
    if known.get("failing_since"):
        since = show(parse(known["failing_since"]))
        words = f"the outward heartbeat is {known['result']} since {since}: {known['detail']}"
        return finding("heartbeat", "error", words, "look at JUDGIFY_HEARTBEAT_URL and at what answers there")
    if known.get("delivered_at"):
        return finding("heartbeat", "ok", f"an outward heartbeat arrived {show(parse(known['delivered_at']))}")
    return finding("heartbeat", "ok", "an outward heartbeat is set")
