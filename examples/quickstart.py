"""The first steps: put, get an exact hit, get a semantic hit, see why."""

from mneme import SemanticCache


def main() -> None:
    with SemanticCache.open("memory:") as cache:
        cache.put("How do I reset my password?", "Click 'Forgot password' on login.")

        hit = cache.get("  how do I reset my PASSWORD? ")
        assert hit is not None
        assert hit.layer == "exact"

        hit = cache.get("What's the way to reset my password?")
        assert hit is not None
        assert hit.layer == "semantic"
        print(f"{hit.response!r} was put for {hit.query!r}, similarity {hit.similarity:.3f}")

        assert cache.get("How do I cook rice?") is None
        # Everything in `vary` must be equal for an answer to be found.
        assert cache.get("How do I reset my password?", vary={"language": "fr"}) is None

        print(cache.explain("How do I change my password?"))


main()
