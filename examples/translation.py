"""Translation: the instruction must be equal, the text too; nothing is served for a text that only resembles it."""

from mneme import SemanticCache

calls = 0


def translate(text: str, language: str) -> str:
    """Stand in for a model."""
    global calls
    calls += 1
    return f"{text} [{language}]"


def main() -> None:
    with SemanticCache.open("memory:") as cache:

        def translated(text: str, language: str) -> str:
            # mode="exact": "The door is open." and "The door is not open." are two texts, however near.
            return cache.get_or_compute(
                text, lambda: translate(text, language), vary={"task": "translate", "to": language}, mode="exact"
            ).value

        texts = [f"The train to Lyon leaves from platform {number}." for number in range(50)]
        first = {(text, to): translated(text, to) for text in texts for to in ("fr", "de")}
        again = {(text, to): translated(text, to) for text in texts for to in ("fr", "de")}
        assert first == again == {(text, to): f"{text} [{to}]" for text in texts for to in ("fr", "de")}
        assert calls == 100
        print(f"200 translations, {calls} calls to the model")


main()
