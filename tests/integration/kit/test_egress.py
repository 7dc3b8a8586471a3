import pytest

from judgify.kit.egress import check_address
from judgify.kit.errors import Denied, Invalid, Unavailable


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000/",
        "http://localhost/",
        "http://[::1]/",
        "http://10.0.0.8/",
        "http://192.168.1.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://[fe80::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://0.0.0.0/",
        "http://224.0.0.1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://100.64.0.1/",
        "http://[64:ff9b::169.254.169.254]/",
        "http://[64:ff9b:1::10.0.0.1]/",
        "http://[2002:7f00:1::]/",
        "http://[::127.0.0.1]/",
        "http://[::ffff:0:127.0.0.1]/",
        "http://[fec0::1]/",
        "http://[::]/",
    ],
)
async def test_addresses_inside_are_refused(url: str) -> None:
    with pytest.raises(Denied, match="not a public address"):
        await check_address(url)


async def test_a_public_address_passes_and_is_pinned() -> None:
    target = await check_address("https://8.8.8.8/x")
    assert (target.scheme, target.host, target.port, target.address) == ("https", "8.8.8.8", 443, "8.8.8.8")


@pytest.mark.parametrize("address", ["64:ff9b::808:808", "2002:808:808::", "2001:4860:4860::8888"])
async def test_a_public_address_in_another_form_passes(address: str) -> None:
    assert (await check_address(f"http://[{address}]/")).address == address


@pytest.mark.parametrize("allow", ["127.0.0.1", "127.0.0.1:9", "127.0.0.0/8"])
async def test_what_is_allow_listed_passes(allow: str) -> None:
    assert (await check_address("http://127.0.0.1:9/", ["not-a-network", allow])).port == 9


@pytest.mark.parametrize("url", ["ftp://8.8.8.8/", "8.8.8.8", "http://", "http://u:p@8.8.8.8/", "http://a:99999/"])
async def test_what_is_no_plain_web_address_is_invalid(url: str) -> None:
    with pytest.raises(Invalid):
        await check_address(url)


async def test_a_name_that_does_not_resolve_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="does not resolve"):
        await check_address("http://nothing.invalid/")
