"""LlamaIndex's Settings.llm. The model is a stand-in on loopback; leave out `api_base` for a real one."""

from llama_index.core import Settings
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai import OpenAI

from mneme import SemanticCache
from mneme.demo.server import StandInModel
from mneme_llama_index import cached_llm


def main() -> None:
    with (
        StandInModel(lambda question: f"An answer to: {question.text}") as model,
        SemanticCache.open("memory:") as cache,
    ):
        llm = OpenAI(model="gpt-4o-mini", api_base=model.base_url, api_key="not-needed")
        Settings.llm = cached_llm(llm, cache)

        def ask(*turns: str) -> str | None:
            roles = ("user", "assistant")
            messages = [ChatMessage(role=roles[n % 2], content=text) for n, text in enumerate(turns)]
            return Settings.llm.chat(messages).message.content

        assert ask("How do I reset my password?") == ask("What's the way to reset my password?")
        assert len(model.calls) == 1

        # The same words in another conversation are another question.
        ask("Who was Marie Curie?", "A physicist.", "When was she born?")
        ask("Who was Jane Austen?", "A novelist.", "When was she born?")
        assert len(model.calls) == 3

        print(f"4 questions, {len(model.calls)} calls to the model")


main()
