"""Closed classes of English words. Origin: written for Mneme from the classes any grammar of English lists."""

from __future__ import annotations

from typing import Final


def word_set(words: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(words.split())


def folding(table: str) -> dict[str, str]:
    """Return word -> what it is folded to, of a table of `base: word word; base: word`."""
    folded: dict[str, str] = {}
    for line in table.split(";"):
        base, _, words = line.partition(":")
        folded.update(dict.fromkeys(words.split(), base.strip()))
    return folded


def _to(words: str, value: str) -> dict[str, str]:
    return dict.fromkeys(words.split(), value)


ARTICLES: Final = word_set("a an the one")
LIGHT: Final = word_set(
    """also any some so very really actually literally basically just please kindly exactly currently
    indeed truly honestly certainly definitely specifically generally usually personally well hey hi hello oh
    um there here something anything it its itself this that these those such thing things do does did doing done
    be am is are was were been being have has had having which what whats then as own sir madam guys folks anyway
    perhaps maybe either now quite rather somehow even yet ever but"""
)
"""Words that carry no content by themselves; tense is read from them before they are dropped."""

FILLERS: Final = word_set(
    """just really actually literally basically please kindly exactly indeed truly honestly certainly
    definitely specifically generally usually normally typically personally perhaps maybe somehow anyway even"""
)
"""Words dropped before phrases are looked up: is it *actually* safe to."""

HEADS: Final = word_set(
    """in inside within at on upon for with about regarding via using among through into onto toward towards to from
    than by before after until till since during against over under above below between if when while because
    unless although despite per across behind beside off out outside without of whether whilst"""
)
"""What opens a phrase and gives its words their role."""

SAME_HEAD: Final = folding(
    "if: whether; when: while whilst; with: using via; in: within inside during; about: regarding"
)
INSTRUMENTAL: Final = word_set("use utilize utilise employ")
"""Verbs whose object is a means: use a card to pay, pay with a card."""
RECALLING: Final = word_set("it this that them")
REFUSING: Final = word_set("won't wont")
"""What is no future but a refusal: the door won't open."""

CLAUSAL: Final = word_set("after before since when while without by on upon")
"""Openers of clauses in which a form of the verb tells no time: after I've placed it, after placing it."""
ROLE_WORDS: Final = word_set(
    """from than before after until till since against over under above below if when while because unless
    although despite per across behind off out outside"""
)
"""Phrase openers that are content as well: a text that has one more says something else."""

PERSONS: Final = {
    **_to("i me my mine myself we us our ours ourselves oneself", "i"),
    **_to("you your yours yourself yourselves", "you"),
    **_to("he him his himself", "he"),
    **_to("she her hers herself", "she"),
    **_to("they them their theirs themselves", "they"),
}
CASES: Final = {**_to("i we he she they", "subject"), **_to("me us him them", "object")}
POSSESSIVE: Final = word_set("my our your his her their")
POINTING: Final = word_set("this that these those")
GENERIC: Final = word_set("someone somebody anyone anybody people person")

TENSES: Final = {
    "past": word_set("did was were had"),
    "present": word_set("do does is are am"),
    "perfect": word_set("has have"),
    "future": word_set("will shall gonna going-to"),
    "once": word_set("used-to"),
}
_TENSES_OF: Final = {
    word: frozenset(tense for tense, marks in TENSES.items() if word in marks)
    for word in frozenset().union(*TENSES.values())
}


def tenses_of(word: str) -> frozenset[str]:
    """Return the tenses that an auxiliary marks; none for any other word."""
    return _TENSES_OF.get(word, frozenset())


AUXILIARIES: Final = frozenset().union(*TENSES.values()) - {"being"} | word_set("can could may might must should would")
BE: Final = word_set("is are was were be been being am")
MUST: Final = word_set("need needs needed require requires required necessary mandatory compulsory obligatory")
REQUESTS: Final = word_set("explain describe tell give show name list define provide suggest recommend")
"""Verbs that open a request and ask no more than `what is` does."""

FRAMES: Final = word_set("howto whatdo doit wayto yesno what which whatis")
"""What phrases of a question become."""
SAME_QUESTION: Final = {"which": "what", "whatis": "what"}

NEGATIONS: Final = word_set("not never no nor neither none nothing nobody without cannot hardly barely nowhere")
MODALS: Final = word_set("can could should must may might would will shall need")
QUANTIFIERS: Final = word_set(
    """all only every each most few many several both except half or else other another enough either always almost
    nearly"""
)
COMPARISONS: Final = word_set(
    """more less most least before after until since over under above below than first last next previous
    instead atleast atmost fewer better worse best worst early late earlier later minimum maximum morethan lessthan"""
)
QUESTIONS: Final = word_set("who when where why how howmany howmuch howlong howoften howold howfar whatif")
TIMES: Final = word_set(
    """monday tuesday wednesday thursday friday saturday sunday january february march april may june july august
    september october november december spring summer autumn winter morning noon afternoon evening night
    midnight today tomorrow yesterday weekend weekday day week month year quarter decade century am pm daily
    weekly monthly yearly annual quarterly hourly christmas easter"""
)
MONTHS: Final = word_set("january february march april may june july august september october november december")
UNITS: Final = word_set(
    """mg mcg g kg lb pound ounce gram kilogram ton ml l liter gallon pint cup teaspoon tablespoon mm cm m km meter
    kilometer mile foot inch yard celsius fahrenheit kelvin second minute hour percent dollar euro yen rupee
    yuan franc usd eur gbp jpy inr chf cad aud kb mb gb tb byte bit watt kwh volt amp iu bpm px em rem hz mhz
    ghz"""
)
LANGUAGES: Final = word_set(
    """english french german spanish italian portuguese dutch russian chinese mandarin cantonese japanese korean arabic
    hebrew hindi bengali urdu turkish greek polish swedish norwegian danish finnish czech hungarian romanian
    thai vietnamese indonesian latin swahili ukrainian python javascript typescript java rust go ruby php swift
    kotlin scala perl haskell bash sql lua julia matlab fortran cobol"""
)
FORMATS: Final = word_set(
    """json yaml xml csv html markdown table list bullet bulleted numbered paragraph sentence word essay poem haiku
    email letter code pseudocode diagram chart graph outline tweet tl;dr short long brief briefly detailed plainly"""
)
SYMMETRIC: Final = word_set(
    "marry similar relate connect engage equal equivalent identical compatible different differ compare distance"
)
"""Relations whose two sides may change places: A is married to B, B is married to A."""

_COUNTED: Final = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen twenty"""
NUMBERS: Final = {word: str(value) for value, word in enumerate(_COUNTED.split())} | folding(
    "30: thirty; 40: forty; 50: fifty; 60: sixty; 70: seventy; 80: eighty; 90: ninety"
)
# Not second: it is a unit of time as well.
ORDINALS: Final = folding(
    "#1: first; #3: third; #4: fourth; #5: fifth; #6: sixth; #7: seventh; #8: eighth; #9: ninth; #10: tenth"
)
UNIT_SHORT: Final = folding(
    """kg: kgs kilo kilos kilogram kilograms; pound: lbs lb; ounce: oz; hour: hrs hr h; minute: min mins;
    second: sec secs s; percent: % pct; dollar: $ usd bucks; euro: € eur; gbp: £; yen: ¥; rupee: ₹; foot: ft;
    mile: mi; yard: yd; liter: litre litres; meter: metre metres; kilometer: kilometre kilometres km;
    centimeter: cm; mg: milligram milligrams; ml: milliliter milliliters; celsius: °c; fahrenheit: °f; day: d;
    week: w wk; year: yr yrs; thousand: k"""
)
SOFT: Final = word_set(
    """considered get obtain receive have offer provide per use utilize employ request perform conduct carry
    make like help happen go exist mean know understand take do find locate look seem appear way thing kind sort
    process procedure method option information people human person fact case proper correct exact
    specific certain particular different various own whole entire actual real main typical usual common overall
    total easy simple available current possible able safe recommended necessary required together properly
    correctly safely easily ok okay fine usually normally typically city town country state currently still already
    simply permissible"""
)
"""Words that may stand alone on one side: the sentence means about the same without. The judge weighs them."""
NARROWING: Final = word_set(
    """stop start begin avoid try fail become continue keep prevent refuse forget remember plan finish end quit
    cease deny reject cancel lose win want need hate fear expect pretend claim seem undo redo recover restore
    again still before deleted used"""
)
"""Verbs that change what the verb beside them says: start paying, avoid paying."""
REVERSING: Final = word_set(
    """avoid prevent stop refuse decline reject forbid prohibit undo reverse revert rollback skip miss quit cease fail
    deny lack omit resist neglect abstain refrain ignore"""
)
"""Verbs by which the opposite is asked of what stands beside them, however it is put: avoid paying."""
CAUSING: Final = word_set("make let help get have ask tell allow cause stop prevent keep")
"""Verbs by which somebody else does it: let people join."""
MODIFYING: Final = word_set(
    """proper correct exact specific certain particular different various whole entire actual real main typical usual
    common overall total easy simple available current possible safe recommended necessary required properly correctly
    safely easily ok okay fine permissible usually normally typically currently still already simply"""
)
"""Soft words of which one does not stand for another: the *typical* dose, the *safe* one."""
CLASSIFYING: Final = word_set(
    """account app application plan website site software platform tool service card store shop hotel restaurant
    brand desert language library framework programming web company document file page package module"""
)
"""Nouns that say what a name stands for: my Acme account."""
PLACES: Final = word_set("city town country state")
"""Soft nouns that stay so behind the word they belong to: the capital city."""
