"""Drills: a real fault in really running processes, watched from outside, measured from fault to report.

A process of its own. It imports the foundation only, and meets supervisor, gateway and engine over their APIs, so that
what judges a recovery shares no code with what recovers.
"""
