"""Documents as pages: Markdown without HTML, pictures or links of its own; what it shows is what was recorded."""

from functools import cache
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from markdown_it import MarkdownIt


@cache
def _reader() -> "MarkdownIt":
    from markdown_it import MarkdownIt  # noqa: PLC0415 - an idle console does without it

    # Tags in the text are shown as text. A document links and shows nothing: whatever looks so came from outside.
    return (
        MarkdownIt("commonmark", {"html": False, "breaks": True})
        .enable("table")
        .disable(["link", "image", "autolink", "reference", "html_block", "html_inline"])
    )


def rendered(text: str) -> Markup:
    """Give a document's Markdown as HTML that can hold no script, picture or link."""
    # The reader escapes every text; the only tags are those of the blocks that it knows.
    return Markup(_reader().render(text))  # noqa: S704 - see above
