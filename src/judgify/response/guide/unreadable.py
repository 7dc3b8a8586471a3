"""Why a file of the guide could not be read."""


class Unreadable(Exception):
    """The file is not the plain YAML that a guide is written in."""

    def __init__(self, message: str, mend: str) -> None:
        """Keep what is wrong and what mends it."""
        self.message = message
        self.mend = mend
        super().__init__(message)
