"""The proof of the pager: seeded schedules of faults against the real engine process, and a checker of what arrived."""
