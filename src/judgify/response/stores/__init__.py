"""Where the engine keeps what it knows: SQLite, and memory for stories; one contract suite on both."""
