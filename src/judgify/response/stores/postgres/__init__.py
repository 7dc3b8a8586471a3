"""The engine's memory in a PostgreSQL of its own, for two engines side by side."""
