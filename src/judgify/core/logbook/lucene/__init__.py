"""The query language of the logbook: Lucene's form, to a condition for PostgreSQL. Pure.

The whole language: docs/reference/log-query.md.
"""

from judgify.core.logbook.lucene.error import QueryError
from judgify.core.logbook.lucene.parser import parse
from judgify.core.logbook.lucene.sql import Compiled, compile_query

__all__ = ["Compiled", "QueryError", "compile_query", "parse"]
