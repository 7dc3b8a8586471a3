"""The default guide with channels of vendors switched on, pointed at servers of ours."""

import shutil
from pathlib import Path

from judgify.response.guide.loader import default_guide_dir, load_guide
from judgify.response.guide.schema import Guide

MEMBER = "U0DUTY0001"
"""The Slack member who is the guide's `ops-lead`."""
CHANNELS = """\
channels:
  console: {{kind: console, label: {{ko: 콘솔, en: console}}, enabled: true, wakes: false, severities: [P0, P1, P2, P3],
    kinds: [page, report, notice, announcement]}}
  slack-critical: {{kind: slack_bot, label: {{ko: 슬랙, en: Slack}}, enabled: true, wakes: true,
    severities: [P0, P1, P2, P3], kinds: [page, report, notice], room: "#alerts-critical", token: "env:SLACK_TOKEN",
    signing_secret: "env:SLACK_SIGNING", app_token: "env:SLACK_APP", api_url: "{slack}"}}
  pagerduty: {{kind: pagerduty, label: {{ko: PD, en: PD}}, enabled: true, wakes: true, severities: [P0, P1],
    kinds: [page], routing_key: "env:PD_KEY", url: "{pagerduty}"}}
  sms: {{kind: sms, label: {{ko: SMS, en: SMS}}, enabled: true, wakes: true, severities: [P0, P1], kinds: [page],
    roles: [response-team, owner, devops], url: "env:SMS_URL", sender: "02-555-0100"}}
"""


def vendor_guide_dir(folder: Path, *, slack: str, pagerduty: str) -> Path:
    """Write the guide into `folder` and give its place."""
    place = folder / "guide"
    shutil.copytree(default_guide_dir(), place)
    (place / "channels.yaml").write_text(CHANNELS.format(slack=slack, pagerduty=pagerduty), "utf-8")
    contacts = (place / "contacts.yaml").read_text("utf-8")
    contacts = contacts.replace('slack: "@ops-lead"', f"slack: {MEMBER}").replace("+82-10-XXXX", "+82-10-5550-0100")
    (place / "contacts.yaml").write_text(contacts, "utf-8")
    return place


def vendor_guide(folder: Path, *, slack: str, pagerduty: str) -> Guide:
    """Load that guide."""
    return load_guide(vendor_guide_dir(folder, slack=slack, pagerduty=pagerduty))
