"""Benchmarks: each measures a promise beside a yardstick, in one run on one machine, and states the ratio."""
