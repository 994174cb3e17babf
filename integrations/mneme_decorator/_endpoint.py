"""What an SDK client adds to every request, and which requests answer from a state that its server keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from mneme.identity import is_secret, sealed

# A client of either SDK.
Client: TypeAlias = Any

SENTINELS = ("NotGiven", "Omit")
# What the SDK and its HTTP library send in everybody's name.
_OWN = ("accept", "accept-encoding", "connection", "content-type")
# Their answer depends on a state that the server changes: a conversation, a container with files.
_STATES = ("conversation", "container")


def endpoint_of(client: Client, path: str) -> dict[str, Any]:
    """Return what must be equal of the client for an answer to be reused: where it asks, its headers and its query.

    The headers made of its own API key are left out; any other secret among them counts by its digest.
    """
    http = getattr(client, "_client", None)
    headers = {**_folded(getattr(http, "headers", {})), **_folded(client.default_headers)}
    own = _folded(client.auth_headers)
    agents = (client.user_agent.lower(), "python-httpx")
    counted = {
        name: sealed(value) if is_secret(name, value) else value
        for name, value in headers.items()
        if name not in _OWN
        and not name.startswith("x-stainless-")
        and own.get(name) != value
        and not (name == "user-agent" and value.lower().startswith(agents))
    }
    query = {name: str(value) for name, value in {**dict(getattr(http, "params", {})), **client.default_query}.items()}
    return {"url": f"{client.base_url}{path}", "headers": counted, "query": query}


def has_state(parameters: Mapping[str, Any]) -> bool:
    """Return whether the same request may be answered otherwise the next time, by what the server keeps.

    An earlier response (`previous_response_id`) stays what it was; a conversation, a container and a stored prompt
    without a version do not.
    """
    extra = parameters.get("extra_body")
    given = {**parameters, **extra} if isinstance(extra, Mapping) else parameters
    if any(given.get(name) for name in _STATES):
        return True
    prompt, tools = given.get("prompt"), given.get("tools")
    if isinstance(prompt, Mapping) and not prompt.get("version"):
        return True
    return isinstance(tools, list | tuple) and any(
        isinstance(tool, Mapping) and isinstance(tool.get("container"), str) for tool in tools
    )


def _folded(headers: Mapping[str, Any]) -> dict[str, str]:
    # A header that holds the SDK's word for "left out" is not sent.
    return {name.lower(): str(value) for name, value in headers.items() if type(value).__name__ not in SENTINELS}
