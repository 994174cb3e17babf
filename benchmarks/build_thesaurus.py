"""Build the guard's word tables from Princeton WordNet: which words may stand for each other, which may not.

    python -m benchmarks.build_thesaurus [--wordnet /usr/share/wordnet]

Two words are partners where three things agree: WordNet links two senses of theirs, the bundled embedder places the
words near each other, and they are forms of one root: verify and verification, absent and absence, adviser and advisor.
Synonyms of two roots (server and waiter, thread and yarn) are left out, however common the sense they share: WordNet
counts senses in texts of 1961. `lexicon` holds those, written by hand. The words are those of the embedder's
vocabulary that WordNet has, in the guard's own stems.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

import mneme
from benchmarks.wordnet import Sense, SenseId, WordNet, read_wordnet
from mneme.engine.guard.inflection import stem

PACKAGE = Path(mneme.__file__).parent
OUT = PACKAGE / "engine" / "guard" / "data"
# Nouns of these fields name what the verb or adjective they are derived from says: acts, attributes, states …
# Others name another thing: a person who does it, an artefact it makes.
_ABSTRACT = {4, 7, 9, 10, 11, 12, 16, 19, 21, 22, 24, 26, 28}
# (least share of the two words' use, least cosine), any of which suffices. Read off samples of 25 pairs a cell.
_SYNONYM = ((0.01, 0.60), (0.03, 0.50), (0.15, 0.35))
_DERIVED = ((0.01, 0.50), (0.20, 0.40))
# What makes a noun of a verb or an adjective, or an adjective of a noun, and leaves what it says.
_ENDINGS = ("ion", "ment", "ance", "ence", "ancy", "ency", "ity", "ness", "ous", "ical", "y")
_LEAST_ROOT = 4
# Forms of one root that are two things: reviewed by hand, from the list of all.
_REFUSED = {
    frozenset(map(stem, pair.split("/")))
    for pair in (Path(__file__).parent / "refused_partners.txt").read_text(encoding="ascii").split()
}
# Nouns of animals, artefacts, the body, food, groups, objects, persons, plants, substances, places.
_CONCRETE = {5, 6, 8, 13, 14, 15, 17, 18, 20, 27}
Rule = tuple[tuple[float, float], ...]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wordnet", type=Path, default=Path("/usr/share/wordnet"))
    net = read_wordnet(parser.parse_args().wordnet)
    words = _vocabulary(net)
    shares = {word: net.shares(word) for word in words}
    opposites = _opposites(net)
    partners = _partners(net, shares, _vectors(words), opposites)
    _write(OUT / "partners.txt", partners)
    _write(OUT / "opposites.txt", _stems(pair for pair in opposites if pair <= set(words)))
    (OUT / "words.txt").write_text("\n".join(_described(net, words)) + "\n", encoding="ascii")


def _vocabulary(net: WordNet) -> list[str]:
    known = {word for word, _ in net.order}
    path = PACKAGE / "embedders" / "data" / "vocab.txt"
    return [
        word
        for word in path.read_text(encoding="utf-8").splitlines()
        if word.isascii() and word.isalpha() and len(word) > 1 and word in known
    ]


def _vectors(words: list[str]) -> dict[str, np.ndarray]:
    embedder = mneme.default_embedder()
    vectors = np.stack([embedder.embed(word) for word in words])
    return dict(zip(words, vectors / np.linalg.norm(vectors, axis=1, keepdims=True), strict=True))


def _opposites(net: WordNet) -> set[frozenset[str]]:
    return {
        frozenset((sense.words[link.from_word - 1], net.senses[link.target].words[link.to_word - 1]))
        for sense in net.senses.values()
        for link in sense.links
        if link.kind == "!"
    }


def _partners(
    net: WordNet,
    shares: Mapping[str, Mapping[SenseId, float]],
    vectors: Mapping[str, np.ndarray],
    opposites: set[frozenset[str]],
) -> dict[str, set[str]]:
    found = set()
    for sense in net.senses.values():
        for rule, a, b, other in _linked(net, sense):
            if a == b or a not in vectors or b not in vectors or frozenset((a, b)) in opposites or not _is_one(a, b):
                continue
            share = min(shares[a].get(sense.id, 0.0), shares[b].get(other, 0.0))
            cosine = float(vectors[a] @ vectors[b])
            if any(share >= least and cosine >= near for least, near in rule):
                found.add(frozenset((a, b)))
    return _stems(found)


def _linked(net: WordNet, sense: Sense) -> Iterator[tuple[Rule, str, str, SenseId]]:
    for a in sense.words:
        for b in sense.words:
            yield _SYNONYM, a, b, sense.id
    for link in sense.links:
        target = net.senses[link.target]
        if link.kind == "+" and all(one.field in _ABSTRACT for one in (sense, target) if one.id[0] == "n"):
            yield _DERIVED, sense.words[link.from_word - 1], target.words[link.to_word - 1], target.id


def _is_one(a: str, b: str) -> bool:
    """Return whether two linked words are one in two forms or spellings, and neither the other's comparative."""
    short, long = sorted((a, b), key=len)
    root = next((at for at, (x, y) in enumerate(zip(short, long, strict=False)) if x != y), len(short))
    if root < min(_LEAST_ROOT, len(short)) or root < len(short) - 3 or frozenset(map(stem, (a, b))) in _REFUSED:
        return False
    is_form = long.endswith(_ENDINGS) or short.endswith(_ENDINGS)
    is_spelling = len(long) - len(short) <= 1 and not long.endswith(("er", "est"))
    return (is_form or is_spelling) and len(short) > 2


def _stems(pairs: Iterator[frozenset[str]] | set[frozenset[str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for pair in pairs:
        a, b = sorted(stem(word) for word in (*pair, *pair)[:2])
        if a != b:
            found[a].add(b)
    return found


def _write(path: Path, pairs: Mapping[str, set[str]]) -> None:
    lines = [" ".join((word, *sorted(others))) for word, others in sorted(pairs.items())]
    path.write_text("\n".join(lines) + "\n", encoding="ascii")


def _described(net: WordNet, words: list[str]) -> list[str]:
    """Return `stem parts thing` of every word.

    parts: n, v, a, r, the commonest first.
    thing: 1 where it mostly names a being, a thing, a stuff or a place.
    """
    uses: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    things: dict[str, float] = defaultdict(float)
    for word in words:
        key = stem(word)
        for part in "nvar":
            for sense, weight in net.weights(word, part).items():
                uses[key][part] += weight
                things[key] += weight * (net.senses[sense].field in _CONCRETE)
    return [_line(key, uses[key], things[key]) for key in sorted(uses)]


def _line(key: str, uses: Mapping[str, float], thing: float) -> str:
    total = sum(uses.values())
    parts = sorted((part for part in uses if uses[part] >= 0.15 * total), key=lambda part: -uses[part])
    return f"{key} {''.join(parts)} {int(thing > 0.5 * total)}"


if __name__ == "__main__":
    main()
