"""Workflow service: what is judged, by which rules, in immutable versions (port 8001)."""
