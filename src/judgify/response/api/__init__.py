"""The engine over HTTP: JSON under /api/v2/response, the public status, the stream of what happens."""
