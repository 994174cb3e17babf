"""Servers that do not answer are named by their host, and by nothing of what lets one in."""

from __future__ import annotations

import pytest

from mneme import StoreBackendError
from mneme.stores.arguments import server_of
from mneme.tools import looking
from mneme.tools.looking.counting import shown

pytest.importorskip("psycopg")
pytest.importorskip("redis")

DEAD = [
    ("postgresql://user:secret@127.0.0.1:1/db?application_name=secret", "Postgres at 127.0.0.1:1 failed"),
    ("redis://:secret@127.0.0.1:1/0", "Redis at 127.0.0.1:1 failed"),
    ("redis://127.0.0.1:1/0?password=secret", "Redis at 127.0.0.1:1 failed"),
]


@pytest.mark.parametrize(("url", "said"), DEAD, ids=["postgres", "redis", "redis options"])
def test_a_server_that_does_not_answer_is_named(url: str, said: str) -> None:
    with pytest.raises(StoreBackendError, match=said) as raised:
        looking.look(url)

    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("postgresql://u:p@a.example:5432/db", "a.example:5432"),
        ("postgresql://a:1,b:2/db", "a:1,b:2"),
        ("postgresql:///db?host=/run/postgresql", "/run/postgresql"),
        ("postgresql:///db", "the default host"),
        ("redis://[::1]:6379/0", "[::1]:6379"),
        ("unix:///run/redis.sock?db=1", "/run/redis.sock"),
        ("redis://:pa?ss@host/0", "the server of its URL"),
        ("redis://user:p#ss@host/0", "the server of its URL"),
        ("redis://[/0", "the server of its URL"),
        ("redis://" + "a" * 100_000 + "!/0", "the server of its URL"),
    ],
)
def test_where_a_server_is_is_told_without_what_lets_one_in(url: str, server: str) -> None:
    assert server_of(url) == server


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://u:secret@host:1/db?password=secret", "postgresql://host:1/db"),
        ("redis://:secret@host/0", "redis://host/0"),
        ("unix:///run/redis.sock?password=secret", "unix:///run/redis.sock"),
        ("sqlite:///me@home.db", "sqlite:///me@home.db"),
        ("me@home.db", "me@home.db"),
    ],
)
def test_a_cache_is_shown_by_a_url_without_secrets(url: str, said: str) -> None:
    assert shown(url) == said
