"""Web pages of the response engine and the public status page."""
