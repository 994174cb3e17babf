"""Words that may stand for each other in a question without changing its answer. Origin: written for Mneme.

A semicolon ends a group; a word may be in several. What differs in degree, direction or scope is in no common group.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from mneme.engine.guard.contrasts import are_contrary
from mneme.engine.guard.inflection import stem
from mneme.engine.guard.thesaurus import are_partners, is_word

_GROUPS: Final = """
change modify update edit alter adjust amend revise; delete remove erase; create make generate produce build;
write compose draft author; buy purchase acquire; obtain acquire receive;
fix repair resolve solve troubleshoot correct; solve resolve; begin start commence initiate;
end finish conclude terminate; stop quit cease halt end; kill terminate stop; close shut; help assist aid support;
support assistance help; show display view see; view see check look; check verify confirm validate;
find locate discover; choose select pick; use utilize employ; utilize apply use; need require necessary must;
must mandatory compulsory obligatory require; permit allow let; allow legal permit; forbid prohibit ban;
prevent avoid; reduce decrease lower lessen; increase raise boost grow; get obtain receive find; find see get;
say tell; check tell; tell know; give suggest recommend provide; give provide offer supply; send submit; submit file;
keep retain preserve; store save keep; save preserve; learn study; teach instruct; understand comprehend;
explain describe; tell inform; ask inquire; answer reply respond; response reply answer; contact reach;
call phone telephone ring; phone telephone smartphone cellphone mobile; email mail; reservation booking; reserve book;
travel journey trip; trip journey; flight plane; plane airplane aircraft; car automobile vehicle; bike bicycle;
movie film; picture photo image photograph; photo pic; store shop; job occupation employment; work function operate;
boss manager; company firm business corporation; employee worker; doctor physician; lawyer attorney; kid child;
baby infant; child kid; house home; city town; country nation; food meal; fast quick rapid speedy; faster quicker;
fastest quickest; big large; huge enormous gigantic; bigger larger; biggest largest; small little tiny;
smaller littler; smallest littlest; hard difficult tough; harder tougher; easy simple; easier simpler;
easiest simplest; important crucial essential vital; expensive costly; cheap inexpensive;
common frequent usual typical popular; often frequent; strange odd weird; smart intelligent clever; happy glad;
sad unhappy; angry mad; famous well-known renowned; rich wealthy; dangerous unsafe hazardous;
safe ok okay fine alright acceptable; ok alright good; harmful damaging; beautiful pretty; terrible awful horrible;
wrong incorrect; right correct proper; broken defective faulty; sick ill; symptom sign; illness disease sickness;
medicine medication drug; pill tablet; ache pain; hurt injure; shot injection; fee charge; price cost; bill invoice;
pay settle; money fund cash; refund reimbursement; salary wage pay; loan credit; mortgage home-loan; tax levy;
parcel package; shipping delivery shipment; ship deliver dispatch; order purchase; receipt proof-of-purchase;
customer client; item product article; account profile; password passcode; username login-name; login signin;
error mistake fault; bug defect; bug issue; problem issue trouble; crash fail; fail malfunction; app application;
program software application; website site webpage; folder directory; file document; document paper;
function method procedure; parameter argument; list enumerate; dictionary dict; string str; integer int;
repository repo; database db; configuration config setting; setting preference option; configure setup; install setup;
run execute; launch open start; download fetch; upload import; combine merge join; split divide separate;
copy duplicate; clone copy; rename retitle; sort arrange; reverse invert; test check; compare contrast;
difference distinction; differ difference; benefit advantage upside pro; advantage benefit;
disadvantage drawback downside con; reason cause; purpose goal aim objective; result outcome consequence effect;
effect impact influence; affect impact influence; influence affect; cause trigger; cause reason; way method approach;
example sample instance; idea concept notion; meaning definition; type kind sort; part component piece;
amount quantity; maximum max; minimum min; limit cap; step stage; rule regulation; law legislation;
requirement prerequisite; document paperwork; permission authorization; approve authorize; reject decline deny;
refuse decline; cancel terminate abort; cancel end; visit go; exit quit; exit leave; help relieve; relieve ease;
convert turn transform; stop prevent; stop cancel;
combine mix; revoke withdraw; discontinue stop; block ban; subscribe join; join enroll;
register enroll; activate enable; deactivate disable; disable deactivate; renew extend; postpone delay defer;
delay lag; happen occur; occur arise; continue proceed; return bring-back; exchange swap; replace substitute;
exchange replace; move relocate; transfer move; live reside; visit see; attend visit; meet encounter; win triumph;
lose misplace; lost misplaced; steal rob; damage harm; break damage; clean wash; cook prepare; prepare ready;
plan schedule; schedule timetable; appointment meeting; interview conversation; talk speak chat; speak communicate;
love adore; like enjoy; hate dislike; want desire wish; try attempt; believe think; guess suppose; worry concern;
remember recall; forget lose; know aware; possible feasible; probable likely; sure certain; whole entire complete;
total overall; main primary principal chief; major main; fundamental basic; additional extra; new latest;
newest latest; current present; modern contemporary; old ancient; elderly old; nearby close near; nearest closest;
near close; far distant; quiet silent; loud noisy; wet damp; scared afraid; tired exhausted; weather climate;
rain rainfall; university college; school institution; student pupil; teacher instructor; exam test examination;
degree diploma; subject topic; book novel; author writer; song track; singer vocalist; game match; team squad;
gym fitness-center; exercise workout; diet nutrition; weight mass; sugar glucose; stomach tummy belly; flu influenza;
covid coronavirus covid-19; cold chill; high elevated; quick fast; internet web; wifi wireless; computer pc;
laptop notebook; tv television; photograph picture; screen display; button key; menu list; message text;
notification alert; privacy confidentiality; secure safe; security safety; protect safeguard defend; hide conceal;
share distribute; print output; scan digitize; charge recharge; battery cell; slow sluggish; freeze hang;
restart reboot; reset restore; restore recover; backup copy; undo revert; revert rollback; commit checkin;
deploy release; release publish; version edition; upgrade update; javascript js; typescript ts; python py;
kubernetes k8s; postgres postgresql; usa us america; uk britain; if when; when once; whether if; holiday vacation;
hotel accommodation; apartment flat; lift elevator; petrol gasoline gas; truck lorry; garbage trash rubbish;
fall autumn; sweet candy; soccer football; pants trousers; subway underground metro; queue line; zipcode postcode;
surname lastname; birthday birthdate; statement report; graph chart plot; error exception; calculate compute;
determine find; measure gauge; evaluate assess; analyze examine; investigate examine; argue debate;
suggest recommend propose; advice guidance recommendation; guide tutorial; instruction direction; tip advice;
trick hack; benefit perk; tool utility; device gadget; machine equipment; available accessible; access open;
arrive come; depart leave; leave exit; quick speedy; wait hold; stay remain; long lengthy; short brief;
summarize recap; concise brief; shorten abbreviate; expand extend; explain clarify; clarify elucidate;
thankful grateful; modest humble; brave courageous; improve enhance; cure remedy; enter type input;
feature functionality; tip suggestion; near close nearby; good great; best greatest top; make earn; look appear seem;
people human; real actual true; cheap affordable low-cost; interesting fascinating; boring dull; calm peaceful;
creative inventive imaginative; curious inquisitive; friendly amiable; honest truthful; kind nice; lazy idle;
loyal faithful; polite courteous; rude impolite; strong powerful; stupid dumb foolish;
fearful afraid scared frightened; attractive beautiful good-looking; cruel brutal; fat overweight; skinny thin slim;
lonely solitary; optimistic hopeful; weak feeble; successful prosperous; wonderful amazing; guy man; lady woman;
mom mother mum; dad father; grandma grandmother; grandpa grandfather; doctor gp; painkiller analgesic; vomit throw-up;
pee urinate; pregnant expecting; cash-machine atm; paycheck payslip; shareholder stockholder; revenue turnover;
bankrupt insolvent; tenant renter; rent lease; deadline due-date; warranty guarantee; coupon voucher; discount rebate;
cart basket; helpdesk support; ticket case; employee staff worker; hire recruit; fire dismiss; resign quit; resume cv;
vacation leave; pto leave; laptop computer; variable var; environment env; directory dir; command cmd;
library package module; error bug; exception error; string text; number numeral; argument arg; function routine;
documentation docs; specification spec; administrator admin; information info; advertisement ad; application app;
laboratory lab; mathematics math maths; television tv; refrigerator fridge; gymnasium gym; professor prof; versus vs;
huge massive; speed velocity; error failure; failure fault; trash discard; discard dispose; become get; stock share;
profit gain;
dispute contest challenge; entitled eligible; vaccine vaccination jab shot; coworker colleague; boot startup;
latest recent newest; train rail; expire lapse; harmful bad dangerous unhealthy; overseas abroad;
traveler traveller; remove clear; clear empty; wipe erase; uninstall remove; quit leave; salary pay earnings;
raise increase; boost improve; speed-up accelerate; reduce cut; cut trim; lower decrease; shrink reduce;
tell explain; show tell; fix mend; mend repair; broken damaged; damaged defective; cracked broken; late delayed;
tardy late; arrive reach; missing lost; parcel shipment; track trace; trace locate; courier carrier; item purchase;
purchase acquisition; coupon promo; promo discount; bill statement; overcharge overbill; charge bill;
subscription membership; membership plan; plan package; verify authenticate; login access; access reach;
username handle; profile account; avatar picture; page screen; window screen; tab window; click press; press push;
tap press; type write; scroll swipe; crash freeze; lag slow; stuck frozen; loading load; sync synchronize;
backup save; restore retrieve; retrieve recover; fetch get; erase delete; kill end; abort stop; launch run;
compile build; code script; script program; snippet code; array list; string text; loop iterate; iterate traverse;
folder dir; rename name; append add; insert add; attach add; combine join; merge combine; concat join;
concatenate join; remove drop; filter select; order sort; rank sort; query request; endpoint url; host server;
deploy publish; debug troubleshoot; log record; print display; output display; throw raise; exception error;
catch handle; handle manage; null none; check inspect; doctor gp; hospital clinic; nurse caregiver; drug medication;
dose dosage; tablet pill; fever temperature; tired fatigued; fatigue tiredness; dizzy lightheaded; sick unwell;
ache hurt; sore painful; itch itchy; rash eruption; swollen inflamed; stomach abdomen; kidney renal; infant newborn;
toddler child; teenager teen; elderly senior; period menstruation; workout training; train exercise; jog run;
meal dish; dish recipe; cook make; bake make; oven stove; leftover remaining; chop cut; slice cut; stir mix;
blend mix; spice season; tasty delicious; rotten spoiled; ripe mature; invest put; earnings income; income revenue;
profit earnings; debt loan; lend loan; rate percentage; tax duty; payroll salary; pension retirement; bank lender;
broker agent; stock equity; fund money; expense cost; expenditure spending; spend use; budget plan; currency money;
cash money; insurance coverage; coverage cover; claim request; premium fee; policy plan; landlord owner;
tenant lodger; lease contract; contract agreement; notice warning; evict remove; rent hire; flight trip;
airport terminal; luggage baggage suitcase bags; seat place; ticket pass; visa permit; border frontier;
hotel lodging; room accommodation; book order; tour trip; guide manual; map plan; route way; road street; drive go;
traffic congestion; car auto; license permit; fuel gas petrol; engine motor; repair service; garage workshop;
bicycle bike cycle; show series; song music; band group; game title; play perform; photo shot; camera webcam;
battery power; phone handset; cell mobile; headphones earphones earbuds; charger adapter; cable cord lead;
screen monitor; keyboard keypad; lawn grass; garden yard; plant grow; water irrigate; soil earth; seed grain;
pest insect; bug insect; house property; apartment unit; wall partition; paint coat; wash launder; stain spot mark;
rust corrosion; smell odor scent; dirt grime; clean wipe; vacuum hoover; bulb lamp; light lamp; faucet tap;
leak drip; clog block; college uni; class course; course lesson; lecture class; homework assignment; essay paper;
grade mark; degree qualification; study research; scientist researcher; formula equation; equation formula;
number figure; sum total; average mean; increase growth; ratio proportion; area region; region zone;
border boundary; river stream; ocean sea; mountain peak; earth world globe; planet world; weather forecast;
storm tempest; war conflict; army military; king monarch; president leader; government state; law rule;
court tribunal; crime offence offense; police cops; prison jail; vote elect; election vote; party group;
citizen national; immigrant migrant; refugee asylum-seeker; religion faith; church chapel; god deity;
holiday festival; wedding marriage; spouse partner; husband spouse; wife spouse; friend buddy pal;
neighbor neighbour; boss supervisor; interview meeting; career profession; skill ability; talent gift;
strength power; weakness shortcoming; goal target; task job; duty obligation; project undertaking; meeting session;
email message; mail letter; call ring; reply answer; question query; doubt uncertainty; proof evidence;
purpose function; function role; role part; feature function; property attribute; trait characteristic;
quality attribute; shape form; size dimension; length duration; height elevation; weight heaviness; speed pace;
cause reason; trigger activate; lead cause; affect impact; consequence result effect; outcome result;
side-effect reaction; suggest advise; advise recommend; recommend endorse; warn alert; remind notify; notify inform;
announce declare; happen take-place; vary differ; change vary; switch change; swap change; convert change;
transform change; grow rise; fall drop; drop decline; decline decrease; rise climb; climb increase;
establish founded; erect build construct; vanish disappear
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
