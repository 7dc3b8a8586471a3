"""The action service: carries out what follows from a verdict, at least once, and keeps the record of every try."""
