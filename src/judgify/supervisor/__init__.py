"""The parent of the local units: its own process, a Unix-socket API, and all its state on disk.

It survives the death of any unit, and its units survive its own: they are found again by process id and start time.
"""
