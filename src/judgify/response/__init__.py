"""The response engine: the incident response guide as a running system, independent of the platform that it watches."""
