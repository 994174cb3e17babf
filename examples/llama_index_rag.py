"""A LlamaIndex query engine: the answer is keyed by the question and by what was retrieved for it."""

from llama_index.core import Document, MockEmbedding, Settings, VectorStoreIndex
from llama_index.llms.openai import OpenAI

from mneme import SemanticCache
from mneme.demo.server import StandInModel
from mneme_llama_index import cached_llm

DOCUMENTS = ["Tents may be returned within 30 days.", "Shipping takes two days."]


def main() -> None:
    Settings.embed_model = MockEmbedding(embed_dim=8)
    with (
        StandInModel(lambda question: "Within 30 days.") as model,
        SemanticCache.open("memory:") as cache,
    ):
        llm = OpenAI(model="gpt-4o-mini", api_base=model.base_url, api_key="not-needed")
        Settings.llm = cached_llm(llm, cache)

        engine = VectorStoreIndex.from_documents([Document(text=text) for text in DOCUMENTS]).as_query_engine()
        first = engine.query("How do I return a tent?")
        again = engine.query("What's the way to return a tent?")
        assert str(first) == str(again) == "Within 30 days."
        assert len(model.calls) == 1

        # A document that changed is another context: the old answer is not served for it.
        newer = VectorStoreIndex.from_documents([Document(text="Tents may be returned within 14 days.")])
        newer.as_query_engine().query("How do I return a tent?")
        assert len(model.calls) == 2
        print(f"3 questions over documents, {len(model.calls)} calls to the model")


main()
