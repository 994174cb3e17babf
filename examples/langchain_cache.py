"""LangChain's global cache. The model is a stand-in on loopback; leave out `base_url` for a real one."""

from langchain_core.globals import set_llm_cache
from langchain_openai import ChatOpenAI

from mneme import SemanticCache
from mneme.demo.server import StandInModel
from mneme_langchain import MnemeCache


def main() -> None:
    with (
        StandInModel(lambda question: f"An answer to: {question.text}") as model,
        SemanticCache.open("memory:") as cache,
    ):
        set_llm_cache(MnemeCache(cache))
        llm = ChatOpenAI(model="gpt-4o-mini", base_url=model.base_url, api_key="not-needed")  # type: ignore[arg-type]

        first = llm.invoke("How do I reset my password?")
        reworded = llm.invoke("What's the way to reset my password?")
        assert first.content == reworded.content
        assert len(model.calls) == 1

        # A tenant of its own: nothing is shared across namespaces.
        with cache.scope(namespace="another-tenant"):
            llm.invoke("How do I reset my password?")
        assert len(model.calls) == 2

        set_llm_cache(None)
        print(f"3 questions, {len(model.calls)} calls to the model")


main()
