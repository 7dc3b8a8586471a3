"""The dashboard service: shows live what the judgment service decides. Keeps nothing of its own."""
