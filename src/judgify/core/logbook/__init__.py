"""The logging service (`logging` on the wire): takes log lines in, keeps them by day, and finds them again."""
