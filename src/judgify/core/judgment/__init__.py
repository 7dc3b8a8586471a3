"""Judgment service: judges input by active workflows, durably (port 8002)."""
