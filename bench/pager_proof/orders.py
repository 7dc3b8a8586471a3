"""What one life of an engine is told. Values only: both the harness and the engine that it forked import it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Orders:
    """Where mail goes, where this life ends, what is broken in it on purpose."""

    smtp_port: int
    crash: tuple[str, int, str] | None = None
    """What (write or send), its number, and before, inside or after it."""
    pages_flag: str = ""
    """While a file of this name exists, the database may not grow."""
    together: bool = False
    """Let a second engine work on the same folder, which the product refuses for this store."""
    mutant: str = ""
