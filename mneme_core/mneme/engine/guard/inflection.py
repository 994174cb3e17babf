"""English word forms folded to one: plural, -ing, -ed, -ly, spelling variants, and nouns made of verbs."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from mneme.engine.guard.words import folding, word_set

# Forms no rule gives. Origin: written for Mneme.
_IRREGULAR: Final = folding(
    """
write: wrote written; buy: bought; pay: paid; make: made making; send: sent; lose: lost losing; find: found;
take: took taken; give: gave given giving; see: saw seen; know: knew known; think: thought; tell: told;
get: got gotten; begin: began begun; become: became becoming; break: broke broken; build: built; bring: brought;
choose: chose chosen; come: came coming; do: done; drive: drove driven; eat: ate eaten; fall: fell fallen;
feel: felt; forget: forgot forgotten; go: went gone goes; grow: grew grown; hear: heard; hold: held; keep: kept;
leave: left leaving; mean: meant; meet: met; run: ran running; say: said; sell: sold; show: shown; sleep: slept;
speak: spoke spoken; spend: spent; steal: stole stolen; swim: swam swum; teach: taught; throw: threw thrown;
understand: understood; wear: wore worn; win: won winning; stop: stopped stopping; ship: shipped shipping shipment;
man: men; woman: women; child: children; person: people persons; foot: feet; tooth: teeth; mouse: mice; datum: data;
index: indices indexes; criterion: criteria; analysis: analyses; crisis: crises; bacterium: bacteria;
die: dying died dies; lie: lying lied; use: using used usage; have: having; use: uses; life: lives; wife: wives;
knife: knives; leaf: leaves; cancel: cancelled cancelling cancellation cancels; refer: referred referring;
transfer: transferred transferring; travel: travelled travelling traveled traveling; label: labelled labelling;
log: logged logging; get: getting; put: putting; set: setting; cut: cutting; plan: planned planning;
swap: swapped swapping; drop: dropped dropping; map: mapped mapping; bus: buses; gas: gases; virus: viruses;
news: news; status: statuses; lens: lenses; process: processes; access: accesses; color: colour;
favorite: favourite; center: centre; fiber: fibre; gray: grey; check: cheque; license: licence; program: programme;
defense: defence; organize: organise; catalog: catalogue; behavior: behaviour; labor: labour; neighbor: neighbour;
flavor: flavour; tire: tyre; airplane: aeroplane; maneuver: manoeuvre; pajamas: pyjamas; skeptic: sceptic;
anesthetic: anaesthetic; fetus: foetus; anemia: anaemia; estrogen: oestrogen; diarrhea: diarrhoea;
judgment: judgement; aging: ageing; enroll: enrol; freeze: froze frozen; rise: rose risen; ride: rode ridden;
hide: hid hidden; draw: drew drawn; fly: flew flown; drink: drank drunk; catch: caught; fight: fought; bend: bent;
lend: lent; wake: woke woken; stand: stood; stick: stuck; swear: swore sworn; tear: tore torn; blow: blew blown;
deal: dealt; dig: dug; hang: hung; seek: sought; shoot: shot; sink: sank sunk; sit: sat; strike: struck;
burn: burnt; learn: learnt; spell: spelt; prove: proven; shake: shook shaken; bite: bitten; sing: sang sung;
delete: deletion; remove: removal; install: installation; pay: payment; renew: renewal; approve: approval;
refuse: refusal; register: registration; subscribe: subscription; activate: activation; verify: verification;
configure: configuration; authenticate: authentication; translate: translation; convert: conversion;
create: creation; reserve: reservation; explain: explanation; describe: description; compare: comparison;
apply: application; invest: investment; treat: treatment; differ: difference;
withdraw: withdrawal withdrew withdrawn; arrive: arrival; deliver: delivery; recover: recovery; discover: discovery;
replace: replacement; require: requirement; improve: improvement; move: movement; grow: growth; lose: loss;
diagnose: diagnosis; prevent: prevention; connect: connection; protect: protection; reduce: reduction;
produce: production; founding: founded
"""
)
_KEEP: Final = word_set(
    """is his this its us was has does as gas yes bus plus less ness lens always across address process access
    business news physics mathematics economics politics diabetes series species analysis basis thing king ring
    string bring spring sing wing nothing something anything everything during morning evening ceiling wedding
    being exceed succeed proceed red bed need seed feed speed indeed hundred led fed bleed breed weed united
    hardly only early family july apply supply reply fly rely italy daily weekly monthly yearly likely friendly
    lovely lately nearly barely email kubernetes redis postgres windows aws ios js css dns https sas rss gps sms
    focus virus status campus bonus versus axis thus jesus texas paris kansas"""
)


@lru_cache(maxsize=16_384)
def stem(word: str) -> str:
    """Return the form under which `word` and its inflections are compared.

    Comparatives, superlatives and prefixes stay: they change what is asked.
    """
    if word in _IRREGULAR:
        return _ended(_IRREGULAR[word])
    if len(word) <= 3 or word in _KEEP or not word.isascii():
        return word
    return _without_ending(word)


@lru_cache(maxsize=8_192)
def is_past(word: str) -> bool:
    """Return whether `word` has the form of a past tense or participle."""
    if word in _UNCHANGED:
        return True
    if word in _IRREGULAR:
        return not word.endswith(("ing", "s", "ion", "al", "ment", "our", "re")) and word not in _NOT_PAST
    return len(word) > 4 and word.endswith("ed") and word not in _KEEP


def is_past_alone(word: str) -> bool:
    """Return whether `word` is a past form and no form of the present: shipped, not put."""
    return word not in _UNCHANGED and is_past(word)


_UNCHANGED: Final = word_set(
    "hurt cut put set hit read cost let shut beat bet bid burst cast shed split spread quit rid"
)
_NOT_PAST: Final = word_set("men women children people feet teeth mice data indices criteria usage growth loss")


def _without_ending(word: str) -> str:
    if word.endswith(("ies", "ie")) and len(word) > 4:
        return word[:-3] + "y" if word.endswith("s") else word[:-2] + "y"
    if word.endswith(("sses", "xes", "ches", "shes", "zes")):
        return _bare(word[:-2])
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return _bare(word[:-1])
    if word.endswith("ied") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith("eed") and len(word) > 5:
        return word[:-1]
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and _has_vowel(word[: -len(ending)]):
            return _bare(_undoubled(word[: -len(ending)]))
    if word.endswith("ly") and len(word) > 5:
        return _bare(word[:-3] + "y" if word.endswith("ily") else word[:-2])
    return _bare(word)


def _undoubled(base: str) -> str:
    """Return `runn` as `run`, leaving `fill`, `pass` and `buzz`."""
    if len(base) > 3 and base[-1] == base[-2] and base[-1] not in "lszaeiou":
        return base[:-1]
    return base


def _bare(base: str) -> str:
    return _ended(_IRREGULAR.get(base, base))


def _ended(base: str) -> str:
    """Drop the last silent e, fold British -ise and -our, so that every form of a word ends alike."""
    if base.endswith("our") and len(base) > 5:
        base = base[:-3] + "or"
    if base.endswith("e") and len(base) > 3 and not base.endswith("ee"):
        base = base[:-1]
    if base.endswith("is") and len(base) > 5:
        base = base[:-2] + "iz"
    if base.endswith("rr"):
        base = base[:-1]
    return base


def _has_vowel(text: str) -> bool:
    return any(letter in "aeiouy" for letter in text)


def forms(verb: str) -> tuple[str, ...]:
    """Return the forms of a verb, among them some that nobody writes: `get`, `gets`, `getting`, `got` …"""
    bare = verb.removesuffix("e")
    regular = (verb, f"{verb}s", f"{verb}es", f"{bare}ing", f"{verb}{verb[-1]}ing", f"{bare}ed", f"{verb}{verb[-1]}ed")
    return (*regular, *(word for word, base in _IRREGULAR.items() if base == verb))
