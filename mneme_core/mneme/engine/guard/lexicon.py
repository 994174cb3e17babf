"""Words that may stand for each other in a question without changing its answer. Origin: written for Mneme.

A semicolon ends a group; a word may be in several. A pair is here only where the words are interchangeable in nearly
every question of support, money, health and programming: a synonym in one sense alone (restore, reset; merge, join)
answers another question in the others. What differs in degree, direction or scope is in no common group.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from mneme.engine.guard.contrasts import are_contrary
from mneme.engine.guard.inflection import stem
from mneme.engine.guard.thesaurus import are_partners, is_word

_GROUPS: Final = """
change modify alter; modify edit; delete remove; wipe erase; uninstall remove; create make; create generate;
write compose draft; buy purchase; order purchase; build construct; fix repair; fix mend; mend repair; fix resolve;
solve resolve; fix troubleshoot; debug troubleshoot; fix correct; start begin commence; start initiate; end terminate;
cancel terminate; cancel abort; stop cease halt; discontinue stop; exit quit; resign quit; close shut; help assist;
help assistance; show display view; view see check; verify confirm; find locate; choose select pick; use utilize;
need require; mandatory compulsory obligatory; permit allow let; forbid prohibit; prevent avoid;
reduce decrease lower; increase boost; improve enhance; get obtain; give provide; suggest recommend advise;
file submit; keep retain; understand comprehend; explain describe; clarify explain; tell inform; notify inform;
ask inquire; reply respond answer; contact reach; phone telephone smartphone cellphone mobile; reservation booking;
reserve book; trip journey; plane airplane; car automobile auto; bike bicycle; movie film;
picture photo image photograph pic; store shop; occupation profession; work function; boss supervisor; company firm;
doctor physician; lawyer attorney; kid child; teenager teen; house home; country nation; fast quick; faster quicker;
fastest quickest; big large; bigger larger; biggest largest; huge enormous; hard difficult tough; harder tougher;
easy simple; easier simpler; easiest simplest; important crucial; expensive costly; cheap inexpensive; often frequent;
strange weird; intelligent clever; happy glad; famous renowned; rich wealthy; dangerous unsafe; ok okay alright fine;
harmful damaging; bad harmful; wrong incorrect; defective faulty; fail unsuccessful; broken damaged; sick ill unwell;
symptom sign; illness disease; illness sickness; medicine medication; pill tablet; ache pain; ache hurt; sore painful;
shot injection jab; vaccine vaccination jab; vaccine shot; stomach tummy belly; flu influenza; covid coronavirus;
kidney renal; dose dosage; tired fatigued; fatigue tiredness; menstruation period; painkiller analgesic; pee urinate;
parcel package; ship dispatch; item product; login signin; error mistake; problem issue; freeze hang;
folder directory; directory dir; folder dir; document paperwork; argument arg; environment env; command cmd;
dictionary dict; string str; integer int; repository repo; database db; configuration config; configure setup;
setting preference; run execute; combine merge; combine mix; concat concatenate; split divide; append add; insert add;
throw raise; loop iterate; sync synchronize; click press; restart reboot; javascript js; typescript ts; python py;
kubernetes k8s; postgres postgresql; documentation docs; specification spec; administrator admin; information info;
advertisement ad; feature functionality; wifi wireless; computer pc; tv television; screen display;
notification alert; protect safeguard; hide conceal; compare contrast; difference distinction; benefit advantage;
advantage upside; disadvantage drawback downside; reason cause; goal aim objective; goal target; result outcome;
effect impact influence; affect impact influence; way method approach; idea concept notion; meaning definition;
kind type; amount quantity; maximum max; minimum min; limit cap; rule regulation; law legislation;
requirement prerequisite; refuse decline; reject decline; relieve ease; convert transform; postpone delay;
happen occur; occur arise; continue proceed; replace substitute; move relocate; live reside; lose misplace; want wish;
try attempt; believe think; guess suppose; worry concern; possible feasible; probable likely; sure certain;
whole entire; main primary; additional extra; newest latest; nearby near; nearest closest; loud noisy;
scared afraid frightened fearful; rain rainfall; college uni; university uni; student pupil; exam examination;
author writer; song track; singer vocalist; exercise workout; stock share; apartment flat; lift elevator;
petrol gasoline; truck lorry; trash rubbish; fall autumn; pants trousers; subway metro; zipcode postcode;
surname lastname; birthday birthdate; calculate compute; evaluate assess; advice guidance; guide tutorial;
device gadget; arrive come; depart leave; stay remain; summarize recap; appear seem; people human;
creative imaginative; polite courteous; rude impolite; honest truthful; stupid dumb foolish; brave courageous;
guy man; lady woman; mom mother mum; dad father; grandma grandmother; grandpa grandfather; shareholder stockholder;
tenant renter; coupon promo; cart basket; hire recruit; resume cv; laboratory lab; mathematics math maths;
refrigerator fridge; gymnasium gym; professor prof; versus vs; dispute contest; entitled eligible; coworker colleague;
overseas abroad; traveler traveller; late delayed; overcharge overbill; subscription membership; tasty delicious;
rotten spoiled; expenditure spending; coverage cover; contract agreement; luggage baggage; cable cord;
headphones earphones; smell odor scent; vacuum hoover; faucet tap; bug insect; scientist researcher; proof evidence;
offence offense; police cops; friend buddy pal; neighbor neighbour; trait characteristic; height elevation;
short brief; schedule timetable; handle manage; establish founded; vanish disappear; die death; couch sofa;
accomplish achieve; approximate roughly about; almost nearly; assess evaluate; aid assist; cemetery graveyard;
damp moist; deliberately intentionally purposely; differentiate distinguish; earthquake quake;
entirely totally completely wholly; exclusively solely; freeway motorway expressway; fiscal financial;
grateful thankful; hazardous risky; hence therefore thus; however nevertheless; infamous notorious; midday noon;
neighborhood vicinity; rarely seldom; reveal uncover; seller vendor; freight cargo; slightly somewhat;
sunlight sunshine; terrible dreadful; utilization usage; quickly rapidly; immediately instantly; submerged underwater;
usa us america; uk britain; if when; when once; whether if; site website
"""


def _parse(table: str) -> dict[str, frozenset[int]]:
    groups: dict[str, set[int]] = {}
    for number, group in enumerate(table.split(";")):
        for word in group.split():
            groups.setdefault(stem(word), set()).add(number)
    return {word: frozenset(numbers) for word, numbers in groups.items()}


_GROUPS_OF: Final = _parse(_GROUPS)
_NONE: Final[frozenset[int]] = frozenset()


def is_known(word: str) -> bool:
    """Return whether a stem is in the lexicon."""
    return word in _GROUPS_OF


# How long a word must be to be known in spite of a slip.
_DOUBLED: Final = 4
_SLIPPED: Final = 5
_LONG: Final = 7


@lru_cache(maxsize=16_384)
def related(a: str, b: str) -> bool:
    """Return whether two stems may stand for each other: synonyms, or one a slip of the pen for the other."""
    groups_a, groups_b = _GROUPS_OF.get(a, _NONE), _GROUPS_OF.get(b, _NONE)
    if not groups_a.isdisjoint(groups_b) or are_partners(a, b):
        return not are_contrary(a, b)
    # A slip is one away from a known word and is no word itself: two real words can be one letter apart and
    # mean two things.
    known_a, known_b = bool(groups_a) or is_word(a), bool(groups_b) or is_word(b)
    if known_a and known_b:
        return False
    size = min(len(a), len(b))
    if size >= _DOUBLED and known_a != known_b and one_doubled(a, b):
        return True
    if known_a == known_b:
        return size >= _LONG and one_doubled(a, b)
    return size >= _SLIPPED and (one_slip(a, b) or (size >= _LONG and one_vowel(a, b)))


def one_slip(a: str, b: str) -> bool:
    """Return whether one letter left out, doubled, or changing places with the next makes `a` into `b`."""
    if len(a) < len(b):
        a, b = b, a
    start = next((at for at, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(b))
    if len(a) == len(b) + 1:
        return start > 0 and a[start + 1 :] == b[start:]
    return len(a) == len(b) and a[start : start + 2] == b[start : start + 2][::-1] and a[start + 2 :] == b[start + 2 :]


def one_doubled(a: str, b: str) -> bool:
    """Return whether the two differ in one doubled letter that is single in the other: adress, address."""
    if len(a) < len(b):
        a, b = b, a
    start = next((at for at, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(b))
    return len(a) == len(b) + 1 and start > 0 and a[start] == a[start - 1] and a[start + 1 :] == b[start:]


def one_vowel(a: str, b: str) -> bool:
    """Return whether one vowel stands for another: ibuprofin, ibuprofen."""
    unlike = [(x, y) for x, y in zip(a, b, strict=False) if x != y]
    return len(a) == len(b) and len(unlike) == 1 and set(unlike[0]) <= set("aeiouy")
