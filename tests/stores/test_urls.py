"""Options of ours in the URL of a store: taken out of it, and none of the client's touched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mneme import InvalidArgumentError
from mneme.plugins import store_for
from mneme.stores.arguments import options_in

pytest.importorskip("redis")
pytest.importorskip("psycopg")

KINDS = {"name": str, "timeout": float}


@pytest.mark.parametrize(
    ("url", "address", "options"),
    [
        ("x://host", "x://host", {}),
        ("x://host?", "x://host?", {}),
        ("x://host?name=a", "x://host", {"name": "a"}),
        ("x://host?a=%20b&name=a%26b+c&timeout=2&ssl", "x://host?a=%20b&ssl", {"name": "a&b c", "timeout": 2.0}),
        ("x://host?name", "x://host?name", {}),
        ("x://host?name=", "x://host", {"name": ""}),
        ("x://:pa?ss@host?name=a", "x://:pa?ss@host?name=a", {}),
    ],
)
def test_options_are_taken_out_and_all_else_stays(url, address, options):
    assert options_in(url, {}, KINDS) == (address, options)


@given(st.text(), st.text(st.characters(exclude_characters="&=?#")))
def test_any_text_comes_through(value, other):
    from urllib.parse import quote

    url = f"x://host?_{other}=1&name={quote(value.encode('utf-8', 'surrogatepass'), safe='')}&z=%2F"
    try:
        value.encode()
    except UnicodeEncodeError:
        return

    assert options_in(url, {"timeout": 1.0}, KINDS) == (f"x://host?_{other}=1&z=%2F", {"timeout": 1.0, "name": value})


@pytest.mark.parametrize(
    ("url", "given_", "said"),
    [
        ("x://h?name=a&name=a", {}, "twice"),
        ("x://h?name=a", {"name": "a"}, "twice"),
        ("x://h?timeout=soon", {}, "no number"),
    ],
)
def test_what_cannot_be_is_refused(url, given_, said):
    with pytest.raises(InvalidArgumentError, match=said):
        options_in(url, given_, KINDS)


def test_redis_takes_its_options_from_the_url():
    store = store_for("redis").factory("redis://:word@host:7/3?name=support&socket_keepalive=True&mode=server&poll=0.5")

    assert (store._link.name, store._mode, store.lag) == ("support", "server", 0.5)
    assert store._link._url == "redis://:word@host:7/3?socket_keepalive=True"


def test_postgres_takes_its_options_from_the_url():
    store = store_for("postgres").factory(
        "postgresql://u:word@a,b/d?schema=my%20own&sslmode=require&timeout=2&mode=replica"
    )

    assert (store._schema, store._mode, store._timeout) == ("my own", "replica", 2.0)
    assert store._url == "postgresql://u:word@a,b/d?sslmode=require"


@pytest.mark.parametrize("url", ["redis://:secretword@host?mod=server", "postgresql://u:secretword@host/d?mod=server"])
def test_a_parameter_that_is_nobodys_is_refused_before_anything_is_asked(url):
    with pytest.raises(InvalidArgumentError, match="did you mean 'mode'") as caught:
        store_for(url.partition(":")[0]).factory(url)

    assert "secretword" not in str(caught.value)


@pytest.mark.parametrize("url", ["redis://host?mode=fast", "postgresql://host/d?mode=fast", "redis://host?timeout=-1"])
def test_a_value_that_cannot_be_is_refused_as_the_argument_is(url):
    with pytest.raises(InvalidArgumentError, match=r"mode is|timeout is"):
        store_for(url.partition(":")[0]).factory(url)
