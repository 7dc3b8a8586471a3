"""The API gateway: the platform's only entrance. Authentication, routing, limits, and the health of the whole."""
