from ipaddress import ip_network

import pytest

from judgify.core.gateway.failure import HeadersTooLarge
from judgify.core.gateway.header import (
    client_chain,
    content_length,
    for_client,
    for_upstream,
    has_body,
    header,
    refuse_ambiguous,
    refuse_large,
)
from judgify.kit.errors import Malformed

Pairs = list[tuple[bytes, bytes]]


@pytest.mark.parametrize(
    "headers",
    [
        [(b"content-length", b"1"), (b"content-length", b"1")],
        [(b"content-length", b"+1")],
        [(b"content-length", b"1"), (b"transfer-encoding", b"chunked")],
        [(b"transfer-encoding", b"gzip, chunked")],
        [(b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"chunked")],
        [(b"host", b"a"), (b"host", b"b")],
        [(b"authorization", b"a"), (b"authorization", b"b")],
    ],
)
def test_ambiguous_heads_are_refused(headers: Pairs) -> None:
    with pytest.raises(Malformed):
        refuse_ambiguous(headers, "1.1")


def test_plain_heads_pass_and_chunked_needs_http_1_1() -> None:
    refuse_ambiguous([(b"host", b"a"), (b"content-length", b"12")], "1.0")
    refuse_ambiguous([(b"transfer-encoding", b" Chunked ")], "1.1")
    with pytest.raises(Malformed):
        refuse_ambiguous([(b"transfer-encoding", b"chunked")], "1.0")


def test_heads_are_bounded_in_number_and_size() -> None:
    refuse_large([(b"a", b"b")] * 100)
    with pytest.raises(HeadersTooLarge):
        refuse_large([(b"a", b"b")] * 101)
    with pytest.raises(HeadersTooLarge):
        refuse_large([(b"a", b"b" * 40_000)])


def test_bodies_are_announced_by_length_or_chunks() -> None:
    assert has_body([(b"content-length", b"3")])
    assert has_body([(b"transfer-encoding", b"chunked")])
    assert not has_body([(b"content-length", b"0")])
    assert not has_body([(b"x", b"y")])
    assert content_length([(b"x", b"1"), (b"content-length", b"3")]) == 3
    assert content_length([]) is None
    assert header([(b"a", b"1"), (b"b", b"2")], b"b") == "2"
    assert header([], b"b") is None


def test_what_a_client_claims_does_not_pass() -> None:
    sent = for_upstream(
        [
            (b"Host".lower(), b"evil"), (b"authorization", b"Bearer x"), (b"cookie", b"a"),
            (b"x-judgify-role", b"admin"),
            (b"x_judgify_role", b"admin"), (b"x-forwarded-for", b"1.1.1.1"), (b"connection", b"x-mine, Content-Type"),
            (b"x-mine", b"1"), (b"content-type", b"application/json"), (b"x-api-key", b"k"),
            (b"expect", b"100-continue"),
        ],
        host=b"judgment:8002", token=b"t", request_id=b"r", client=b"9.9.9.9", scheme=b"https",
    )  # fmt: skip
    assert sorted(sent) == [
        (b"authorization", b"Bearer t"),
        (b"content-type", b"application/json"),
        (b"host", b"judgment:8002"),
        (b"x-forwarded-for", b"9.9.9.9"),
        (b"x-forwarded-proto", b"https"),
        (b"x-request-id", b"r"),
    ]
    bare = for_upstream([], host=b"h", token=b"", request_id=b"r", client=b"", scheme=b"http")
    assert {name for name, _ in bare} == {b"host", b"x-request-id", b"x-forwarded-proto"}


def test_answers_lose_hop_by_hop_headers_and_gain_the_security_ones() -> None:
    kept = for_client(
        [
            (b"content-type", b"text/html"), (b"transfer-encoding", b"chunked"), (b"server", b"uvicorn"),
            (b"connection", b"x-hop"), (b"x-hop", b"1"), (b"x-frame-options", b"SAMEORIGIN"), (b"set-cookie", b"a=b"),
        ],
        b"r",
    )  # fmt: skip
    assert kept == [
        (b"content-type", b"text/html"),
        (b"x-frame-options", b"SAMEORIGIN"),
        (b"x-request-id", b"r"),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
    ]


@pytest.mark.parametrize(
    ("peer", "forwarded", "client", "chain"),
    [
        ("8.8.8.8", "1.1.1.1", "8.8.8.8", "8.8.8.8"),
        ("10.0.0.1", None, "10.0.0.1", "10.0.0.1"),
        ("10.0.0.1", "1.1.1.1", "1.1.1.1", "1.1.1.1, 10.0.0.1"),
        ("10.0.0.1", "6.6.6.6, 1.1.1.1, 10.0.0.2", "1.1.1.1", "6.6.6.6, 1.1.1.1, 10.0.0.2, 10.0.0.1"),
        ("10.0.0.1", "10.0.0.9, 10.0.0.2", "10.0.0.9", "10.0.0.9, 10.0.0.2, 10.0.0.1"),
        ("10.0.0.1", "1.1.1.1, nonsense\r\nx", "10.0.0.1", "1.1.1.1, 10.0.0.1"),
        ("unix", "1.1.1.1", "unix", "unix"),
    ],
)
def test_a_forwarded_address_counts_only_from_a_trusted_proxy(
    peer: str, forwarded: str | None, client: str, chain: str
) -> None:
    assert client_chain(peer, forwarded, [ip_network("10.0.0.0/8")]) == (client, chain)


def test_without_trusted_proxies_nobody_is_believed() -> None:
    assert client_chain("10.0.0.1", "1.1.1.1", ()) == ("10.0.0.1", "10.0.0.1")
