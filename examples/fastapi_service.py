"""A FastAPI service: each tenant has answers of its own, and equal questions under way are computed once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import Depends, FastAPI, Header

from mneme import AsyncSemanticCache

calls = 0


async def complete(question: str) -> str:
    """Stand in for a model."""
    global calls
    calls += 1
    await asyncio.sleep(0.01)
    return f"An answer to: {question}"


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with AsyncSemanticCache.open("sqlite:///answers.db", namespace_quotas={"small": 1_000}) as app.state.cache:
        yield


app = FastAPI(lifespan=lifespan)


async def tenant(x_tenant: str = Header()) -> AsyncIterator[None]:
    """Hold the tenant's namespace around all that the request does."""
    with app.state.cache.scope(namespace=x_tenant):
        yield


@app.get("/answer", dependencies=[Depends(tenant)])
async def answer(q: str) -> dict[str, object]:
    outcome = await app.state.cache.get_or_compute(q, lambda: complete(q))
    return {"answer": outcome.value, "status": outcome.status}


async def main() -> None:
    transport = httpx.ASGITransport(app)
    async with lifespan(app), httpx.AsyncClient(transport=transport, base_url="http://test") as client:

        async def ask(question: str, name: str) -> dict[str, object]:
            response = await client.get("/answer", params={"q": question}, headers={"x-tenant": name})
            return response.raise_for_status().json()

        together = await asyncio.gather(*(ask("How do I reset my password?", "acme") for _ in range(20)))
        assert len({str(reply["answer"]) for reply in together}) == calls == 1
        assert (await ask("What's the way to reset my password?", "acme"))["status"] == "hit"

        assert (await ask("How do I reset my password?", "globex"))["status"] == "computed"
        assert calls == 2
        print(f"22 requests of two tenants, {calls} calls to the model")


asyncio.run(main())
