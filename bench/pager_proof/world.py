"""The small world of a run: who is owed what and when, at second scale. Pure but for `write`."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ruamel.yaml import YAML

SCALE: Final = 1 / 1800
"""A minute of the guide lasts this many minutes here: 15 min are half a second."""
REPEAT_S: Final = 0.9
REPEATS: Final = 1
RETRY_S: Final = (0.2, 0.4)
TRY_S: Final = 2.0
"""A try ends within this time here (10 s in the product)."""
LEASE_S: Final = 3.0
"""A claim lasts this long here (20 s in the product); longer than a try, as there."""
MARGIN_S: Final = 0.3
"""A send is not begun this shortly before its claim ends here (2 s in the product)."""
BOUND_S: Final = 2.0
"""No page is later than this after its deadline, counted while an engine is up and nothing stands in its way."""
SINKS: Final = ("mail", "http")
OWNER: Final = "infra-engineer"
CTO: Final = "cto"


@dataclass(frozen=True, slots=True)
class Owed:
    """One message that an incident of severity P1 owes to one person, `minute` of the guide after it opened."""

    minute: int
    kind: str
    person: str

    @property
    def after_s(self) -> float:
        """Give the seconds after the opening at which it is due in this world."""
        return self.minute * 60 * SCALE


MATRIX: Final = (
    Owed(0, "page", "infra-engineer"),
    Owed(0, "page", "devops-lead"),
    Owed(0, "report", "cto"),
    Owed(0, "report", "ceo"),
    Owed(0, "report", "ops-lead"),
    Owed(15, "page", "ops-lead"),
    Owed(30, "page", "dev-lead"),
    Owed(60, "page", "cto"),
)
"""Section 6.2 and 1.1 for P1, written down here once more, so that the checker does not ask the engine what it owes."""
LAST_S: Final = max(owed.after_s for owed in MATRIX)


def write(folder: Path, shipped: Path) -> Path:
    """Copy the shipped guide and switch on two channels that reach real local sinks; give the copy."""
    guide = folder / "guide"
    shutil.copytree(shipped, guide)
    yaml = YAML()
    channels = yaml.load((guide / "channels.yaml").read_text(encoding="utf-8"))
    for channel in channels["channels"].values():
        channel["enabled"] = False
    channels["channels"]["console"].update(enabled=True, kinds=["announcement"])
    mail, http = channels["channels"]["email-person"], channels["channels"]["http"]
    for key in ("username", "password"):
        mail.pop(key, None)
    mail.update(enabled=True, smtp_host="127.0.0.1", smtp_port=25, security="none")
    http.update(enabled=True, url="env:JUDGIFY_PAGE_URL")
    _dump(yaml, channels, guide / "channels.yaml")
    matrix = yaml.load((guide / "escalation.yaml").read_text(encoding="utf-8"))
    matrix["repeat"].update(every_s=REPEAT_S, times=REPEATS, retry_s=list(RETRY_S))
    _dump(yaml, matrix, guide / "escalation.yaml")
    intake = yaml.load((guide / "intake.yaml").read_text(encoding="utf-8"))
    if "storm" in intake:
        # Every single page is counted here; what becomes one digest is another promise.
        intake["storm"]["pages"] = 1000
        _dump(yaml, intake, guide / "intake.yaml")
    return guide


def _dump(yaml: YAML, document: object, path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(document, file)
