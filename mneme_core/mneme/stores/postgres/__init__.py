"""Entries in a Postgres database, for caches on several machines."""

try:
    import psycopg as _  # noqa: F401  # what is missing is said here, once
except ImportError as error:
    raise ImportError("PostgresStore needs psycopg: pip install 'mneme-middleware[postgres]'") from error

from mneme.stores.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
