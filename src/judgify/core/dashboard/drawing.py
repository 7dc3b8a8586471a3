"""The worker that draws pictures: reads one JSON line per chart, answers one; ends when its input ends.

A process of its own, because the drawing library brings a JavaScript engine of some 90 MB, and because a chart that
takes for ever can then be ended. Run as `python -m judgify.core.dashboard.drawing FONTFOLDER`.
"""

import base64
import json
import resource
import sys
from typing import Any

import vl_convert

from judgify.core.dashboard.chart import harmless


def main() -> None:
    """Draw until the input ends."""
    # No file may grow, and none of the machine's proxies is known here: a chart has nothing to load or to keep.
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    vl_convert.register_font_directory(sys.argv[1])
    for line in sys.stdin:
        try:
            answer = {"picture": base64.b64encode(draw(json.loads(line))).decode()}
        except Exception as error:  # noqa: BLE001 - the named boundary: a chart that cannot be drawn is an answer
            answer = {"error": f"{type(error).__name__}: {str(error)[:300]}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def draw(order: dict[str, Any]) -> bytes:
    """Draw one chart; a specification that could load anything is refused once more, here where it would."""
    harmless({key: value for key, value in order["chart"].items() if key != "$schema"})
    if order["form"] == "svg":
        return vl_convert.vegalite_to_svg(order["chart"], vl_version="6.4", allowed_base_urls=[]).encode()
    return bytes(vl_convert.vegalite_to_png(order["chart"], vl_version="6.4", scale=2, allowed_base_urls=[]))


if __name__ == "__main__":
    main()
