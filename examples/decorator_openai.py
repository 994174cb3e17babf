"""The openai SDK under `@cached`. The model is a stand-in on loopback; drop `base_url` for a real one."""

import asyncio

from openai import AsyncOpenAI
from openai.types.chat import ChatCompletion

from mneme import SemanticCache
from mneme.demo.server import StandInModel
from mneme_decorator import cached

cache = SemanticCache.open("memory:")


async def main() -> None:
    with StandInModel(lambda question: f"An answer to: {question.text}") as model:
        client = AsyncOpenAI(base_url=model.base_url, api_key="not-needed")

        @cached(cache, ignore=("client",))
        async def complete(messages: list[dict[str, str]], model: str = "gpt-4o-mini") -> ChatCompletion:
            return await client.chat.completions.create(messages=messages, model=model)  # type: ignore[arg-type]

        async def ask(text: str) -> str | None:
            completion = await complete([{"role": "user", "content": text}])
            return completion.choices[0].message.content

        first = await ask("How do I reset my password?")
        again = await ask("How do I  reset my password?")
        reworded = await ask("What's the way to reset my password?")
        other = await ask("How do I cook rice?")

        assert first == again == reworded != other
        assert len(model.calls) == 2
        print(f"4 questions, {len(model.calls)} calls to the model, {complete.cache_info()}")
        await client.close()


with cache:
    asyncio.run(main())
