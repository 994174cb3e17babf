"""Names of schemas."""

from __future__ import annotations


def quoted(name: str) -> str:
    """Return a name as an option of a connection takes it: quoted for SQL, then for libpq."""
    quoted = '"' + name.replace('"', '""') + '"'
    return "".join(f"\\{letter}" if letter.isspace() or letter == "\\" else letter for letter in quoted)


def is_name(schema: object) -> bool:
    try:
        return isinstance(schema, str) and 0 < len(schema.encode()) <= 60 and "\x00" not in schema and schema != "$user"
    except UnicodeEncodeError:
        return False
