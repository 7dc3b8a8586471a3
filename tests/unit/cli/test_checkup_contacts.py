"""What `doctor` says of the contacts' own addresses."""

from judgify.cli.checkup import contact_methods


def test_addresses_that_were_never_verified_are_named_with_the_mend() -> None:
    assert contact_methods(None) == contact_methods([]) == []
    rows = [{"person": f"p{index}", "channel": "sms", "verified_at": None} for index in range(6)]
    told = contact_methods(rows)[0]
    assert (told["level"], told["mend"]) == ("warning", "judgify oncall verify p0 sms")
    assert told["text"].startswith("6 of 6 addresses")
    assert told["text"].endswith("p4 sms, …")
    good = contact_methods([{**row, "verified_at": "2026-03-04T00:00:00Z"} for row in rows])
    assert [one["level"] for one in good] == ["ok"]
