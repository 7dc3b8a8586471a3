"""Secrets are compared in constant time: `==` and `in` tell by their time how much of a guess was right."""

import ast
import re
from collections.abc import Iterator

import pytest
from tests.meta.source import SOURCE, modules

pytestmark = pytest.mark.guide("S00")
_WORDS = re.compile(r"token|secret|signature|digest|hmac|password|csrf|api_?key|cookie", re.IGNORECASE)
ALLOWED = {
    ("cli/dashboard_door.py", "_COOKIE in jar"): "the cookie's name; its value is compared by hmac",
    ("console/deed.py", "given.get('digest') != known.digest"): "of an operation, shown on the page that approves it",
    ("core/action/store.py", "row['digest'] != print_"): "of the caller's own order",
    ("core/notification/store.py", "row['digest'] != print_"): "of the caller's own message",
    ("core/judgment/desk.py", "found[1] != digest_of(request.input_data)"): "of the caller's own input",
    ("core/judgment/desk.py", "digest != execution.row.input_sha256"): "of the caller's own input",
    ("core/logbook/writer.py", "before[0] != batch.key.digest"): "of the caller's own batch",
    ("kit/db.py", "hashlib.sha256(sql.encode()).hexdigest() != digest"): "of a migration's file",
    ("response/api/slack.py", "signature in self._seen"): "which was verified before; this finds what is sent twice",
    ("response/hold.py", "standing.token != self.page.token"): "a number that fences workers, both from our store",
    ("response/claim.py", "page.token == claimed.token"): "a number that fences workers, both sides from our store",
    ("response/claim.py", "storm.DIGEST in page.payload"): "the name of a key: whether a page tells of many incidents",
    ("response/delivery.py", "storm.DIGEST in tried.payload"): "the name of a key, as above",
    ("response/engine.py", "storm.DIGEST in page.payload"): "the name of a key, as above",
    ("response/last_guide.py", "note.read_text(encoding='ascii') == guide.digest"): "of the guide's files",
    ("response/runhost.py", "approval.digest != digest"): "of an operation; both sides are our own",
    ("response/slack_desk.py", "known.digest != digest"): "of an operation, shown in the message that approves it",
    ("response/stores/memory.py", "key == digest"): "of a dictionary that only drills and tests use",
}
"""(module, comparison) → why nobody learns anything from its time."""


def _named(side: ast.expr) -> Iterator[str]:
    """Give the words that say what a side of a comparison is: names, attributes, keys, and what calls are made of."""
    match side:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            yield name
        case ast.Subscript(slice=ast.Constant(value=str(key))):
            yield key
        case ast.Call(func=function, args=arguments):
            yield from _named(function)
            yield from (one.value for one in arguments if isinstance(one, ast.Constant) and isinstance(one.value, str))


def _compared() -> Iterator[tuple[str, str]]:
    for path, tree in modules():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Compare):
                continue
            sides = [node.left, *node.comparators]
            for index, operator in enumerate(node.ops):
                pair = sides[index : index + 2]
                if not isinstance(operator, ast.Eq | ast.NotEq | ast.In | ast.NotIn):
                    continue
                if any(isinstance(side, ast.Constant | ast.Tuple | ast.Set) for side in pair):
                    continue  # what stands in the source is no secret
                if any(_WORDS.search(word) for side in pair for word in _named(side)):
                    yield str(path.relative_to(SOURCE)), ast.unparse(node)


def test_no_secret_is_compared_by_equality() -> None:
    found = set(_compared())
    assert sorted(found - set(ALLOWED)) == [], "use hmac.compare_digest or kit.auth.same_secret"


def test_every_exception_still_exists() -> None:
    assert sorted(set(ALLOWED) - set(_compared())) == []


@pytest.mark.parametrize(
    "text",
    ["token == given", "self.secret != x", "headers['x-signature'] == made", "form.get('csrf') != session.csrf",
     "hmac.new(a, b).hexdigest() == c", "token in known"],
)  # fmt: skip
def test_the_rule_sees_what_it_is_for(text: str) -> None:
    node = ast.parse(text, mode="eval").body
    assert isinstance(node, ast.Compare)
    assert any(_WORDS.search(word) for side in (node.left, *node.comparators) for word in _named(side))
