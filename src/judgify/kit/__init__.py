"""Foundation of every part: clock, ids, errors, settings, logs, metrics, web, database. Imports nothing of ours."""
