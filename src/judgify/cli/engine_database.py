"""What `up` and `doctor` ask of the engine's own PostgreSQL: that it is not what is watched, and that it answers."""

import math
import re
from typing import Final

from judgify.cli.checkup import finding
from judgify.kit.cluster import same_cluster, server
from judgify.kit.errors import Invalid
from judgify.kit.settings import Settings

CHECK: Final = "engine-db"
AHEAD_S: Final = 1.0
"""Clocks that differ by more make two engines page at different moments."""
_AHEAD: Final = re.compile(r"^judgify_response_database_clock_ahead_seconds (\S+)$", re.MULTILINE)


async def look(settings: Settings) -> list[dict[str, str]]:
    """Look before `up` and for `doctor`; nothing where the engine keeps its memory in SQLite."""
    try:
        url = settings.response_database_url
    except Invalid as error:
        return [finding(CHECK, "error", error.detail, "correct the variable, or leave it out")]
    if url is None:
        return []
    host, port = server(url)
    shared, answers = await same_cluster(settings)
    if shared:
        words = (
            f"대응 엔진의 데이터베이스({host}:{port})가 플랫폼의 PostgreSQL 서버에 있습니다. 그 서버가 멈추면 "
            f"아무도 호출되지 않습니다 / the response engine's database ({host}:{port}) is on the platform's own "
            "PostgreSQL server: when that goes, nobody is paged"
        )
        mend = (
            "JUDGIFY_RESPONSE_DATABASE_URL에 다른 서버를 쓰거나, 비워 SQLite를 쓰십시오 / give another server, or "
            "leave JUDGIFY_RESPONSE_DATABASE_URL out, which means SQLite"
        )
        return [finding(CHECK, "error", words, mend)]
    if not answers:
        words = f"the response engine's database at {host}:{port} does not answer, or not to these credentials"
        return [finding(CHECK, "warning", words, "start that server, or correct JUDGIFY_RESPONSE_DATABASE_URL")]
    return [finding(CHECK, "ok", f"the response engine's database at {host}:{port} answers, on a server of its own")]


def clocks(metrics: str | None) -> list[dict[str, str]]:
    """Say how far the database's clock is from the engine's, by its own figures; nothing where none is told."""
    found = _AHEAD.search(metrics or "")
    ahead_s = math.nan if found is None else float(found[1])
    if math.isnan(ahead_s):
        return []
    words = f"the clock of the engine's database is {ahead_s:+.3f} s from the engine's"
    if abs(ahead_s) <= AHEAD_S:
        return [finding(CHECK, "ok", words)]
    words += f", more than {AHEAD_S:g} s: two engines whose clocks differ page at different moments"
    return [finding(CHECK, "warning", words, "let all these machines follow the same time server")]
