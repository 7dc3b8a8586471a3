"""Severity of a signal (guide 1.1), as the response engine asks for it.

The table and its reading belong to the guide, so that the command line can ask it without the engine.
"""

from judgify.response.guide.classify import (
    NO_RULE,
    NOT_EVALUABLE,
    UNKNOWN_SERVICE,
    Classification,
    canonical_service,
    classify,
)

__all__ = ["NOT_EVALUABLE", "NO_RULE", "UNKNOWN_SERVICE", "Classification", "canonical_service", "classify"]
