"""In a filled template only the question may be worded differently."""

from __future__ import annotations

from typing import Any

import pytest
from llama_index.core import Document, MockEmbedding, PromptHelper, VectorStoreIndex, get_response_synthesizer
from llama_index.core.prompts import ChatPromptTemplate, PromptTemplate, PromptType
from llama_index.core.response_synthesizers import ResponseMode

from mneme import InvalidArgumentError, SemanticCache
from mneme_llama_index import cached_llm

TEXT = PromptTemplate("Context: {context_str}\nAnswer this: {query_str}\n")
CHAT = ChatPromptTemplate.from_messages([("system", "Be terse."), ("user", "{context_str}\n---\n{query_str}")])
EMMA, DUNE = "Emma is by Jane Austen.", "Dune is by Frank Herbert."
ASKED, REWORDED = "who wrote the book then", "the book, who wrote then"


@pytest.mark.parametrize("template", [TEXT, CHAT], ids=["text", "chat"])
@pytest.mark.parametrize("model", ["counting", "openai"])
def test_another_wording_hits_and_another_context_does_not(
    cache: SemanticCache, template: Any, model: str, request: pytest.FixtureRequest
) -> None:
    made = request.getfixturevalue(model)
    llm = cached_llm(made() if model == "counting" else made, cache)
    same = [llm.predict(template, context_str=EMMA, query_str=query) for query in (ASKED, ASKED, REWORDED)]
    llm.predict(template, context_str=DUNE, query_str=REWORDED)

    assert (len(set(same)), cache.stats().hits_exact, cache.stats().hits_semantic, cache.stats().entries) == (
        1,
        1,
        1,
        2,
    )


def test_another_template_is_another_question(cache: SemanticCache, counting: Any) -> None:
    llm = cached_llm(counting(), cache)
    answers = [
        llm.predict(PromptTemplate(f"{order} {{query_str}}"), query_str=ASKED) for order in ("Say briefly:", "Explain:")
    ]

    assert (answers, cache.stats().hits_semantic) == (["answer 1", "answer 2"], 0)


def test_the_context_may_be_ignored(cache: SemanticCache, counting: Any) -> None:
    llm = cached_llm(counting(), cache, context="ignore", vary={"index": "1"})
    other = cached_llm(counting(), cache, context="ignore", vary={"index": "2"})
    answers = [llm.predict(TEXT, context_str=text, query_str=ASKED) for text in (EMMA, DUNE)]

    assert (answers, other.predict(TEXT, context_str=EMMA, query_str=ASKED)) == (["answer 1"] * 2, "answer 1")
    assert cache.stats().entries == 2


def test_a_summary_belongs_to_its_piece_of_the_text_even_where_the_context_is_ignored(
    cache: SemanticCache, counting: Any
) -> None:
    llm = cached_llm(counting(), cache, context="ignore")
    summary = PromptTemplate("{context_str}\n{query_str}", prompt_type=PromptType.SUMMARY)
    answers = [llm.predict(summary, context_str=text, query_str=ASKED) for text in (EMMA, DUNE, EMMA)]

    assert answers == ["answer 1", "answer 2", "answer 1"]


def test_an_engine_that_sums_up_two_pieces_asks_for_both(cache: SemanticCache, openai: Any, endpoint: Any) -> None:
    class Whole(PromptHelper):
        """Leaves each piece alone, as for texts that fill the context."""

        def repack(self, prompt: Any, text_chunks: Any, *args: Any, **options: Any) -> list[str]:
            return list(text_chunks) if EMMA in text_chunks else super().repack(prompt, text_chunks, *args, **options)

    llm = cached_llm(openai, cache, context="ignore")
    sums_up = get_response_synthesizer(llm=llm, response_mode=ResponseMode.TREE_SUMMARIZE, prompt_helper=Whole())
    sums_up.get_response(ASKED, [EMMA, DUNE, "Ulysses is by James Joyce."])
    first = [asked["messages"][-1]["content"] for asked in endpoint.asked[:3]]

    assert [text in said for text, said in zip((EMMA, DUNE, "Ulysses"), first, strict=True)] == [True] * 3


def test_a_question_that_stands_in_the_context_too_is_compared_exactly(cache: SemanticCache, counting: Any) -> None:
    llm = cached_llm(counting(), cache)
    text = f"They asked: {ASKED}. Nobody knew."
    answers = [llm.predict(TEXT, context_str=text, query_str=ASKED) for _ in range(2)]
    [key] = cache.list_queries()

    assert (answers, ASKED in key, key != ASKED) == (["answer 1"] * 2, True, True)


def test_other_templates_are_compared_exactly(cache: SemanticCache, counting: Any) -> None:
    llm = cached_llm(counting(), cache)
    answers = [llm.predict(PromptTemplate("Translate: {text}"), text=text) for text in (ASKED, REWORDED)]

    assert answers == ["answer 1", "answer 2"]


@pytest.mark.parametrize("streaming", [False, True])
def test_a_query_engine_hits_for_another_wording(
    cache: SemanticCache, openai: Any, endpoint: Any, streaming: bool
) -> None:
    index = VectorStoreIndex.from_documents([Document(text=EMMA)], embed_model=MockEmbedding(8))
    engine = index.as_query_engine(llm=cached_llm(openai, cache), streaming=streaming)
    answers = [str(engine.query(query)) for query in (ASKED, REWORDED)]

    assert (answers[0] == answers[1], len(endpoint.asked), cache.stats().hits_semantic) == (True, 1, 1)


def test_an_unknown_context_is_an_error(cache: SemanticCache, counting: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="'exact', 'ignore' or 'similar'"):
        cached_llm(counting(), cache, context="some")  # type: ignore[arg-type]
