"""up, down, status, doctor and logs as a person or a program calls them, with the two real stores as the whole set."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.support.stores import free_base
from tests.support.supervised import alive, new_home

from judgify.cli import remembered
from judgify.cli.output import printable
from judgify.supervisor import sweep


@dataclass
class Cli:
    home: Path
    environ: dict[str, str]

    def __call__(self, *arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "judgify.cli", *arguments],
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def json(self, *arguments: str, code: int = 0, **environ: str) -> Any:
        done = self(*arguments, "--json", **environ)
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def cli() -> Iterator[Cli]:
    home = new_home()
    environ = {**os.environ, "JUDGIFY_HOME": str(home), "JUDGIFY_PORT_BASE": str(free_base())}
    environ["JUDGIFY_UNITS"] = "postgres,redis"
    yield Cli(home, environ)
    left = sweep.end(home)
    shutil.rmtree(home, ignore_errors=True)
    assert left == {}


def test_up_status_logs_doctor_and_down(cli: Cli) -> None:
    up = cli.json("up", "--detach")
    assert up["ok"] is True
    assert up["seconds"] < 30
    assert [(unit["name"], unit["state"], unit["health"]) for unit in up["units"]] == [
        ("postgres", "running", "healthy"),
        ("redis", "running", "healthy"),
    ]
    pids = [unit["pid"] for unit in up["units"]]
    again = cli("up", "--detach")
    assert again.returncode == 0
    assert "runs already" in again.stderr
    assert "postgres" in again.stdout
    elsewhere = Cli(cli.home, cli.environ | {"JUDGIFY_PORT_BASE": "30000"})("up", "--detach")
    assert "it keeps the ports it was started with" in elsewhere.stderr
    assert f":{int(cli.environ['JUDGIFY_PORT_BASE']) + 10}" in elsewhere.stdout
    assert ":30010" not in elsewhere.stdout
    status = cli.json("status")
    assert [unit["pid"] for unit in status["units"]] == pids
    assert status["traffic"]["blocked"] is False
    assert any("ready to accept connections" in line for line in cli.json("logs", "postgres", "-n", "20")["lines"])
    doctor = cli.json("doctor")
    assert {finding["check"] for finding in doctor["findings"]} >= {
        "python",
        "port",
        "disk",
        "supervisor",
        "unit",
        "fonts",
    }
    os.kill(pids[1], signal.SIGKILL)
    worse = cli("status")
    assert worse.returncode == 1
    assert "redis" in worse.stdout
    assert "judgify doctor" in worse.stdout
    mend = cli.json("doctor", code=1)
    assert [finding["mend"] for finding in mend["findings"] if finding["level"] == "error"] == ["judgify logs redis"]
    down = cli.json("down")
    assert (down["ok"], down["stopped"], down["left"]) == (True, ["postgres"], [])
    assert not any(alive(pid) for pid in pids)
    assert cli.json("down")["stopped"] == []
    assert "judgify up" in cli.json("status", code=1)["detail"]
    assert "password" not in json.dumps([up, status, doctor, down])


def test_ports_given_to_up_are_known_to_the_next_command(cli: Cli) -> None:
    free = free_base()
    up = cli.json("up", "--detach", "--port", f"redis={free}")
    assert [unit["port"] for unit in up["units"] if unit["name"] == "redis"] == [free]
    without = {name: value for name, value in cli.environ.items() if name != "JUDGIFY_PORT_BASE"}
    elsewhere = Cli(cli.home, without)
    assert [unit["port"] for unit in elsewhere.json("status")["units"]] == [unit["port"] for unit in up["units"]]
    doctor = elsewhere.json("doctor")
    assert not [finding for finding in doctor["findings"] if finding["level"] == "error"]
    cli.json("down")
    assert not (cli.home / "supervisor" / "environment.json").exists()


def test_down_works_when_the_supervisor_is_dead(cli: Cli) -> None:
    up = cli.json("up", "--detach")
    own = json.loads((cli.home / "supervisor" / "process.json").read_text(encoding="utf-8"))
    os.kill(own["pid"], signal.SIGKILL)
    assert "judgify doctor" in cli.json("status", code=1)["detail"]
    doctor = cli.json("doctor", code=1)
    assert "judgify down (ends them)" in json.dumps(doctor)
    down = cli.json("down")
    assert sorted(down["stopped"]) == ["postgres", "redis"]
    assert not any(alive(unit["pid"]) for unit in up["units"])
    # A stale socket stays: it must not stop the next start, nor look like a living supervisor.
    assert cli.json("doctor")["ok"] is True
    assert cli.json("up", "--detach")["ok"] is True


def test_up_finds_units_again_whose_supervisor_is_dead(cli: Cli) -> None:
    first = cli.json("up", "--detach")
    own = json.loads((cli.home / "supervisor" / "process.json").read_text(encoding="utf-8"))
    os.kill(own["pid"], signal.SIGKILL)
    second = cli.json("up", "--detach")
    assert [unit["pid"] for unit in second["units"]] == [unit["pid"] for unit in first["units"]]


def test_a_taken_port_stops_up_and_names_the_process(cli: Cli) -> None:
    port = int(cli.environ["JUDGIFY_PORT_BASE"]) + 33
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
        done = cli("up", "--detach")
        report = cli.json("up", "--detach", code=1)
    assert done.returncode == 1
    assert f"port {port} (redis) is taken by process {os.getpid()}" in done.stderr
    assert "--port redis=N" in done.stderr
    assert report["ok"] is False
    assert sweep.left_over(cli.home) == {}


def test_a_unit_that_does_not_start_shows_its_last_words(cli: Cli) -> None:
    cli.json("up", "--detach")
    cli.json("down")
    conf = cli.home / "postgres" / "judgify.conf"
    conf.write_text("no_such_setting = 1\n", encoding="utf-8")
    done = cli("up", "--detach")
    assert done.returncode == 1
    assert "failed" in done.stdout
    assert "no_such_setting" in done.stderr
    cli.json("down")


def test_in_the_foreground_ctrl_c_stops_everything(cli: Cli) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "judgify.cli", "up"],
        env=cli.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "Ctrl-C stops everything" in line:
                break
        left = sweep.left_over(cli.home)
        os.kill(next(pid for pid, unit in left.items() if unit == "redis"), signal.SIGKILL)
        for line in process.stdout:
            if "exited" in line:
                break
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(30) == 0
    assert "stopped: postgres" in rest
    assert sweep.left_over(cli.home) == {}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("up", "--port", "gateway"), "NAME=N"),
        (("up", "--port", "nonsense=9000"), "nonsense"),
        (("up", "--port", "gateway=99999999"), "JUDGIFY_PORT_GATEWAY"),
        (("up", "--listen", "10.0.0.1"), "0.0.0.0"),
        (("logs", "../../etc/passwd"), "not the name of a unit"),
        (("logs", "nothing"), "there is no log"),
    ],
)
def test_wrong_words_are_refused_with_a_reason(cli: Cli, arguments: tuple[str, ...], words: str) -> None:
    done = cli(*arguments)
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert cli.json(*arguments, code=1)["status"] in {404, 422}


def test_help_and_version(cli: Cli) -> None:
    assert "up" in cli("--help").stdout
    assert cli("--version").stdout.strip() == "2.0.0"
    assert cli().returncode in {0, 2}
    assert cli("nonsense").returncode == 2


def test_only_what_says_where_things_listen_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"JUDGIFY_PORT_BASE": "9100", "JUDGIFY_LISTEN": "0.0.0.0", "JWT_SECRET": "canary", "DATABASE_URL": "canary"}
    remembered.remember(tmp_path, given)
    assert "canary" not in (tmp_path / "supervisor" / "environment.json").read_text(encoding="utf-8")
    monkeypatch.setenv("JUDGIFY_HOME", str(tmp_path))
    monkeypatch.delenv("JUDGIFY_PORT_BASE", raising=False)
    monkeypatch.setenv("JUDGIFY_LISTEN", "127.0.0.1")
    remembered.apply()
    assert os.environ["JUDGIFY_PORT_BASE"] == "9100"
    assert os.environ["JUDGIFY_LISTEN"] == "127.0.0.1"
    monkeypatch.delenv("JUDGIFY_PORT_BASE")
    (tmp_path / "supervisor" / "environment.json").write_text("{torn", encoding="utf-8")
    remembered.apply()
    remembered.forget(tmp_path)
    remembered.forget(tmp_path)
    assert "JUDGIFY_PORT_BASE" not in os.environ


def test_a_log_line_cannot_steer_the_terminal() -> None:
    assert printable("\x1b[2Jred\ttab 한글") == "�[2Jred\ttab 한글"
