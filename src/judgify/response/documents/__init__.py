"""The documents of an incident, drawn from its timeline alone: announcement, incident log, post-mortem."""

from judgify.response.documents.writer import GuideDocuments

__all__ = ["GuideDocuments"]
