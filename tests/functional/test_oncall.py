"""On call against a running engine: the command line, the HTTP interface, the console's page, calendars."""

import html
import itertools
import json
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from tests.support.engine_home import CLOCK, EngineHome, engine_home

from judgify.cli import main
from judgify.kit.clock import SEOUL, iso
from judgify.response.guide.loader import default_guide_dir, load_guide

DUTY = """schedules:
  duty:
    label: {ko: 당직, en: duty}
    zone: Europe/London
    layers:
      - {name: days, persons: [infra-engineer, devops-lead], rotation: daily, start: 2026-01-05, at: "09:00"}
  office:
    label: {ko: 주간, en: office hours}
    zone: Asia/Seoul
    layers: [{name: office, persons: [dev-lead], start: 2026-01-05, hours: business}]
roles: {devops: [duty]}
"""


@pytest.fixture(scope="module")
def guide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("oncall") / "guide"
    shutil.copytree(default_guide_dir(), folder)
    (folder / "oncall.yaml").write_text(DUTY, "utf-8")
    return folder


@pytest.fixture(scope="module")
def engine(guide: Path) -> Iterator[EngineHome]:
    with engine_home(more={"JUDGIFY_GUIDE": str(guide)}) as home:
        yield home


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(engine: EngineHome, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command as whoever sits at this machine; give exit code, output, errors."""
    for name, value in engine.environ.items():
        monkeypatch.setenv(name, value)

    def command(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["oncall", *arguments])
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return command


def later(hours: float) -> str:
    return (CLOCK.now() + timedelta(hours=hours)).astimezone(SEOUL).replace(tzinfo=None).isoformat(timespec="seconds")


def test_who_is_on_call_is_shown_in_both_languages(run: Run) -> None:
    code, shown, _ = run("show")
    assert code == 0
    assert "duty (당직)" in shown
    assert "연락처 파일" in shown
    assert "nobody" not in run("show", "duty", "--days", "2", "--lang", "en")[1]
    turns = json.loads(run("show", "duty", "--days", "3", "--json")[1])
    assert {turn["person"] for turn in turns} == {"infra-engineer", "devops-lead"}
    assert all(one["end"] == other["start"] for one, other in itertools.pairwise(turns))
    rows = json.loads(run("who", "judgment", "--severity", "P2", "--json")[1])["rows"]
    assert next(row["persons"] for row in rows) == ["dev-lead"]
    assert "team lead" in run("who", "judgment", "--lang", "en")[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show", "dutty"), "known are duty, office"),
        (("show", "--lang", "fr"), "--lang is ko or en"),
        (("who", "judgement"), "is not in the guide"),
        (("override", "duty", "cto"), "say how long"),
        (("override", "duty", "cto", "--for", "8 hours"), "90m, 8h, 2d or 1w"),
        (("override", "duty", "minsu", "--for", "8h"), "is not in the contacts"),
        (("override", "dutty", "cto", "--for", "8h"), "neither a schedule nor a person"),
        (("override", "cto", "cto", "--for", "8h"), "cannot stand in for themselves"),
        (("override", "duty", "cto", "--until", "2020-01-01T00:00"), "is past"),
        (("override", "duty", "cto", "--for", "20w"), "longer than 90 days"),
        (("override", "duty", "cto", "--from", "2099-01-01T00:00", "--for", "1h"), "days ahead"),
        (("cancel", "ovr_none"), "there is no override"),
        (("revoke", "cal_none"), "there is no calendar address"),
        (("feed", "duty"), "is a secret"),
        (("verify", "nobody", "sms"), "nobody"),
    ],
)
def test_what_cannot_be_done_is_said(run: Run, arguments: tuple[str, ...], words: str) -> None:
    code, _, said = run(*arguments)
    assert (code, words in said) == (1, True), said


def test_an_override_is_made_covered_listed_and_taken_back(run: Run, engine: EngineHome) -> None:
    first = json.loads(run("override", "duty", "cto", "--for", "8h", "--reason", "치과", "--json")[1])
    assert (first["state"], first["by"], first["covers"]) == ("active", first["by"], [])
    code, shown, said = run("override", "duty", "ceo", "--until", later(1))
    assert code == 0
    assert "진행 중" in shown
    assert first["id"] in said
    assert "ceo" in run("show")[1]
    listed = json.loads(run("overrides", "--json")[1])
    assert {row["person"] for row in listed} == {"cto", "ceo"}
    second = next(row["id"] for row in listed if row["person"] == "ceo")
    assert "취소됨" in run("cancel", second)[1]
    assert run("cancel", second)[0] == 1
    assert "cto" in run("show", "duty", "--days", "1")[1]
    assert json.loads(run("cancel", first["id"], "--json")[1])["state"] == "cancelled"
    assert "없습니다" in run("overrides")[1]
    assert "cancelled" in run("overrides", "--past", "--lang", "en")[1]
    journal = engine.api.get("/api/v2/response/oncall/overrides?past=true").json()["data"]
    assert len(journal) == 2


def test_gaps_are_told_with_exit_code_one(run: Run) -> None:
    code, shown, _ = run("gaps", "--days", "8")
    assert (code, "office" in shown, "duty" in shown) == (1, True, False)


def calendar(*events: str) -> str:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//t//t//EN"]
    for index, event in enumerate(events):
        lines += ["BEGIN:VEVENT", f"UID:u{index}@x", "DTSTAMP:20260101T000000Z", *event.split("\n"), "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""])


def stamp(hours: float) -> str:
    return f"{CLOCK.now() + timedelta(hours=hours):%Y%m%dT%H%M%SZ}"


def test_a_calendar_becomes_overrides_once(run: Run, tmp_path: Path) -> None:
    source = tmp_path / "team.ics"
    begin, end = stamp(24), stamp(30)
    mail = "ATTENDEE;CN=x:mailto:DEV@company.com"
    source.write_text(
        calendar(
            f"SUMMARY:휴가\nDTSTART:{begin}\nDTEND:{end}\n{mail}",
            f"SUMMARY:@ops-lead\nDTSTART:{stamp(48)}\nDTEND:{stamp(50)}",
            f"SUMMARY:생일\nDTSTART:{stamp(60)}\nDTEND:{stamp(61)}",
        )
    )
    code, _, said = run("import", "overrides", str(source), "--for", "duty")
    assert (code, "1 events name no contact" in said) == (1, True)
    assert run("import", "overrides", str(source), "--for", "duty", "--person", "minsu")[0] == 1
    dry = run("import", "overrides", str(source), "--for", "duty", "--skip-unknown", "--dry-run")
    assert "2 made" not in dry[2]
    assert json.loads(run("overrides", "--json")[1]) == []
    made = json.loads(run("import", "overrides", str(source), "--for", "duty", "--skip-unknown", "--json")[1])
    assert (made["read"], made["skipped"], made["made"]) == (3, 1, 2)
    again = json.loads(run("import", "overrides", str(source), "--for", "duty", "--skip-unknown", "--json")[1])
    assert again["made"] == 0
    source.write_text(source.read_text().replace(f"DTEND:{end}", f"DTEND:{stamp(32)}"))
    changed = json.loads(run("import", "overrides", str(source), "--for", "duty", "--skip-unknown", "--json")[1])
    assert changed["made"] == 1
    listed = json.loads(run("overrides", "--json")[1])
    assert [row["person"] for row in listed] == ["dev-lead", "ops-lead"]
    for row in listed:
        run("cancel", row["id"])
    assert run("import", "overrides", str(tmp_path / "none.ics"), "--for", "duty")[0] == 1
    assert run("import", "overrides", str(source), "--for", "duty", "--zone", "Asia/Soul")[0] == 1


def test_holidays_of_a_calendar_are_added_to_the_guide(run: Run, guide: Path, tmp_path: Path) -> None:
    copy = tmp_path / "guide"
    shutil.copytree(guide, copy)
    day = (CLOCK.now() + timedelta(days=100)).date()
    source = tmp_path / "holidays.ics"
    source.write_text(calendar(f'SUMMARY:창립 "기념일"\nDTSTART;VALUE=DATE:{day:%Y%m%d}'))
    shown = run("import", "holidays", str(source), "--guide", str(copy))
    assert f"date: {day}" in shown[1]
    assert run("import", "holidays", str(source), "--guide", str(copy), "--write", "--json")[0] == 0
    loaded = load_guide(copy)
    assert any(holiday.date == day for holiday in loaded.calendar.holidays[str(day.year)])
    assert json.loads(run("import", "holidays", str(source), "--guide", str(copy), "--json")[1]) == []


def test_a_calendar_address_answers_until_it_is_revoked(run: Run, engine: EngineHome) -> None:
    exported = run("export", "duty", "--days", "7", "--lang", "en")[1]
    assert exported.startswith("BEGIN:VCALENDAR")
    assert "Infrastructure engineer - duty" in exported
    feed = json.loads(run("feed", "duty", "--json")[1])
    with httpx.Client(trust_env=False) as anybody:
        answer = anybody.get(feed["url"])
        assert (answer.status_code, "BEGIN:VEVENT" in answer.text) == (200, True)
        same = anybody.get(feed["url"], headers={"If-None-Match": answer.headers["etag"]})
        assert (same.status_code, same.content) == (304, b"")
        assert anybody.post(feed["url"]).status_code == 405
        token = feed["url"].rpartition("/")[2].removesuffix(".ics")
        assert token not in run("feeds")[1] + (engine.folder / "engine.log").read_text()
        assert json.loads(run("feeds", "--json")[1])[0]["id"] == feed["id"]
        assert "revoked" in run("revoke", feed["id"])[1]
        assert anybody.get(feed["url"]).status_code == 404


def test_contact_methods_are_listed(run: Run) -> None:
    assert run("methods")[0] == 0
    assert isinstance(json.loads(run("methods", "--json")[1]), list)


class Browser:
    """A signed-in person's browser, as far as HTTP goes."""

    def __init__(self, engine: EngineHome, role: str) -> None:
        self.http = httpx.Client(base_url=engine.url, trust_env=False, timeout=30, headers={"origin": engine.url})
        token = engine.user(f"console-{role}", role).split("token=")[1]
        self.http.post("/login", data={"token": token})

    def page(self, lang: str = "ko") -> str:
        answer = self.http.get("/oncall", params={"lang": lang})
        assert answer.status_code == 200
        return answer.text

    def send(self, path: str, **values: str) -> httpx.Response:
        found = re.search(r'name="csrf" value="([^"]+)"', self.page())
        assert found is not None
        return self.http.post(path, data={"csrf": found[1], **values})

    def upload(self, path: str, files: dict[str, tuple[str, str, str]], **values: str) -> httpx.Response:
        found = re.search(r'name="csrf" value="([^"]+)"', self.page())
        assert found is not None
        return self.http.post(path, data={"csrf": found[1], **values}, files=files)


def test_the_console_shows_on_call_and_lets_somebody_stand_in(engine: EngineHome) -> None:
    browser = Browser(engine, "responder")
    try:
        page = browser.page()
        assert "당직이 없는 시간이 있습니다" in page
        assert "The coming two weeks" in browser.page("en")
        sent = browser.send("/oncall/overrides", target="duty", person="cto", start="", end=later(2)[:16], reason="<b>")
        assert sent.status_code == 303, sent.text
        page = browser.page()
        assert "&lt;b&gt;" in page
        found = re.search(r"/oncall/overrides/(ovr_\w+)/cancel", page)
        assert found is not None
        assert browser.send("/oncall/overrides", target="duty", person="cto", end="").status_code == 422
        past = browser.send("/oncall/overrides", target="duty", person="cto", start="", end="2020-01-01T00:00")
        assert "이미 지났습니다" in past.text
        assert browser.send(f"/oncall/overrides/{found[1]}/cancel").status_code == 303
        assert found[1] not in browser.page()
    finally:
        browser.http.close()


def test_a_calendar_is_looked_at_on_the_console_before_anything_is_made(engine: EngineHome, run: Run) -> None:
    browser = Browser(engine, "responder")
    events = calendar(
        f"SUMMARY:휴가 <b>\nDTSTART:{stamp(24)}\nDTEND:{stamp(30)}\nATTENDEE:mailto:DEV@company.com",
        f"SUMMARY:생일\nDTSTART:{stamp(60)}\nDTEND:{stamp(61)}",
        f"SUMMARY:분기\nDTSTART:{stamp(40)}\nDTEND:{stamp(24 * 100)}\nATTENDEE:mailto:DEV@company.com",
        f"SUMMARY:매시\nDTSTART:{stamp(24)}\nDURATION:PT10M\nRRULE:FREQ=HOURLY;COUNT=3",
    )

    def looked(text: str = events, **values: str) -> httpx.Response:
        given = {"what": "overrides", "target": "duty", "days": "90", "zone": "Asia/Seoul", **values}
        return browser.upload("/oncall/calendar/preview", {"file": ("팀.ics", text, "text/calendar")}, **given)

    try:
        assert "달력 파일 읽기" in browser.http.get("/oncall/calendar").text
        page = looked().text
        assert "아직 아무것도 바뀌지 않았습니다" in page
        for words in ("휴가 &lt;b&gt;", "사람을 알 수 없음", "90일보다 길 수 없습니다", "하루 안에 반복되는 일정은"):
            assert words in page, words
        assert json.loads(run("overrides", "--json")[1]) == []
        rows = html.unescape(re.findall(r'name="rows" value="([^"]*)"', page)[0])
        assert len(json.loads(rows)) == 2  # what cannot be made is not even offered
        sent = {"target": "duty", "rows": rows, "person-0": "dev-lead"}
        assert browser.send("/oncall/calendar/take", **{**sent, "person-0": ""}).status_code == 422
        assert browser.send("/oncall/calendar/take", **{**sent, "rows": "[{}]"}).status_code == 422
        # One of them cannot be made: none is.
        assert browser.send("/oncall/calendar/take", **sent, **{"person-1": "nobody"}).status_code == 422
        assert json.loads(run("overrides", "--json")[1]) == []
        done = browser.send("/oncall/calendar/take", **sent, **{"person-1": "cto"})
        assert (done.status_code, done.headers["location"]) == (303, "/oncall?done=imported-2")
        assert "대리 2건" in browser.http.get("/oncall?done=imported-2").text
        made = json.loads(run("overrides", "--json")[1])
        assert [row["person"] for row in made] == ["dev-lead", "cto"]
        assert all("console-responder" in row["by"] for row in made)
        assert "이미 있음" in looked().text
        assert "겹침:" in looked(events.replace("UID:u0@x", "UID:v0@x")).text
        for row in made:
            run("cancel", row["id"])
    finally:
        browser.http.close()


@pytest.mark.parametrize(
    ("text", "given", "words"),
    [
        (None, {"zone": "Asia/Soul"}, "시간대가 아닙니다"),
        ("no calendar", {}, "파일이 아닙니다"),
        ("", {}, "선택하세요"),
        (None, {"target": "dutty"}, "dutty"),
        (None, {"days": "0"}, "days"),
        (None, {"what": "all"}, "what"),
    ],
)
def test_a_calendar_that_cannot_be_read_is_refused_with_the_reason(
    engine: EngineHome, text: str | None, given: dict[str, str], words: str
) -> None:
    browser = Browser(engine, "responder")
    try:
        plain = calendar(f"SUMMARY:휴가\nDTSTART:{stamp(24)}\nDTEND:{stamp(30)}\nATTENDEE:mailto:DEV@company.com")
        files = {"file": ("a.ics", plain if text is None else text, "text/calendar")}
        refused = browser.upload("/oncall/calendar/preview", files, **{"target": "duty", **given})
        assert (refused.status_code, words in refused.text) == (422, True), refused.text
        foreign = browser.http.post("/oncall/calendar/preview", files=files, headers={"origin": "https://evil.example"})
        assert foreign.status_code == 403
    finally:
        browser.http.close()


def test_holidays_of_a_calendar_are_shown_as_what_the_guide_lacks(engine: EngineHome) -> None:
    browser = Browser(engine, "responder")
    try:
        day = (CLOCK.now() + timedelta(days=40)).date()
        files = {"file": ("h.ics", calendar(f"SUMMARY:창립일\nDTSTART;VALUE=DATE:{day:%Y%m%d}"), "text/calendar")}
        page = browser.upload("/oncall/calendar/preview", files, what="holidays", days="366").text
        assert f"{{date: {day}, name: &#34;창립일&#34;}}" in page
        assert "judgify oncall import holidays" in page
    finally:
        browser.http.close()


def test_a_commander_makes_and_revokes_calendar_addresses_on_the_console(engine: EngineHome) -> None:
    commander, responder = Browser(engine, "commander"), Browser(engine, "responder")
    try:
        made = commander.send("/oncall/feeds", schedule="duty")
        address = re.findall(r'value="(http[^"]+\.ics)"', made.text)[0]
        with httpx.Client(trust_env=False) as anybody:
            assert "BEGIN:VEVENT" in anybody.get(address).text
            page = commander.page()
            assert address.rpartition("/")[2] not in page
            found = re.findall(r"/oncall/feeds/(cal_\w+)/revoke", page)
            assert "구독 주소" not in responder.page()
            assert responder.send("/oncall/feeds", schedule="duty").status_code == 403
            assert commander.send("/oncall/feeds", schedule="dutty").status_code == 404
            assert commander.send(f"/oncall/feeds/{found[-1]}/revoke").headers["location"] == "/oncall?done=revoked"
            assert anybody.get(address).status_code == 404
        for path, page in (("/oncall/feeds", "/oncall"), ("/oncall/calendar/preview", "/oncall/calendar")):
            assert commander.http.get(path).headers["location"] == page
    finally:
        commander.http.close()
        responder.http.close()


def test_who_only_looks_changes_nothing(engine: EngineHome) -> None:
    viewer = Browser(engine, "viewer")
    try:
        assert 'action="/oncall/overrides"' not in viewer.page()
        body = {"target": "duty", "person": "cto", "end": iso(CLOCK.now() + timedelta(hours=1))}
        assert viewer.send("/oncall/overrides", **body).status_code == 403
        naive = engine.api.post("/api/v2/response/oncall/overrides", json={**body, "end": "2030-01-01T00:00:00"})
        assert naive.status_code == 422
        assert engine.api.get("/api/v2/response/oncall/schedules/duty?days=9999").status_code == 422
    finally:
        viewer.http.close()
