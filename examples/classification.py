"""Classification: many texts, few labels. The labels are part of what must be equal, the answer is JSON."""

from mneme import JsonCodec, SemanticCache

LABELS = {"billing": "invoice", "delivery": "parcel", "account": "password"}
calls = 0


def classify(message: str) -> dict[str, object]:
    """Stand in for a model."""
    global calls
    calls += 1
    label = next(name for name, word in LABELS.items() if word in message)
    return {"label": label, "sure": True}


def main() -> None:
    with SemanticCache.open("memory:") as cache:

        def label(message: str, labels: list[str]) -> object:
            outcome = cache.get_or_compute(
                message,
                lambda: classify(message),
                vary={"task": "classify", "labels": labels},  # another list of labels is another question
                codec=JsonCodec(),
                cache_if=lambda answer: bool(answer["sure"]),  # what the model doubts is asked again
                tags=["prompt:v3"],
            )
            return outcome.value["label"]

        assert label("Where is my parcel?", [*LABELS]) == "delivery"
        assert label("where is my parcel?", [*LABELS]) == "delivery"
        assert calls == 1
        label("Where is my parcel?", [*LABELS, "complaint"])
        assert calls == 2

        # A better prompt: all that the old one labelled goes.
        assert cache.invalidate(tags=["prompt:v3"]) == 2
        print(f"3 messages, {calls} calls to the model")


main()
