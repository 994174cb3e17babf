"""Each kind of difference is found, and named."""

from __future__ import annotations

import pytest

from mneme.engine.guard import Difference, differences

VETOES = [
    ("number", "Is a fever of 38 dangerous?", "Is a fever of 40 dangerous?", "number: 38 / 40"),
    ("number", "Can I have two accounts?", "Can I have three accounts?", "number: two / three"),
    ("number", "Who was the 1st king?", "Who was the 2nd king?", "number: 1st / 2nd"),
    ("number", "Is 5 greater than 3?", "Is 3 greater than 5?", "order: 5 greater than 3 / 3 greater than 5"),
    ("version", "Does it run on Django 4.2?", "Does it run on Django 5.2?", "number: 4.2 / 5.2"),
    ("unit", "Take 5 mg of iron", "Take 5 ml of iron", "unit: mg / ml"),
    ("unit", "What is 10kg of rice?", "What is 10lb of rice?", "unit: kg / lb"),
    ("currency", "What does $5 buy?", "What does €5 buy?", "unit: $ / €"),
    ("time", "Is it open on Monday?", "Is it open on Sunday?", "time: Monday / Sunday"),
    ("name", "How do I fly to Oslo?", "How do I fly to Bergen?", "name: Oslo / Bergen"),
    ("name", "Who lives in the US?", "Who lives with us?", "name: US / (nothing)"),
    ("identifier", "What is error E1042?", "What is error E1024?", "identifier: E1042 / E1024"),
    ("file", "What is in setup.py?", "What is in setup.cfg?", "identifier: setup.py / setup.cfg"),
    ("option", "What does git --soft do?", "What does git --hard do?", "identifier: --soft / --hard"),
    ("negation", "Which foods contain gluten?", "Which foods do not contain gluten?", "negation: (nothing) / not"),
    ("negation", "Is it safe not to eat?", "Is it not safe to eat?", "order: safe not eat / not safe eat"),
    ("negation", "Can I fly without a visa?", "Can I fly with a visa?", "negation: without / (nothing)"),
    ("polarity", "How do I enable it on Linux?", "How do I disable it on Linux?", "polarity: enable / disable"),
    ("polarity", "How do I block a user?", "How do I unblock a user?", "polarity: block / unblock"),
    ("comparison", "Should I eat before a run?", "Should I eat after a run?", "comparison: before / after"),
    ("comparison", "Houses for at least 50k", "Houses for at most 50k", "comparison: at least / at most"),
    (
        "comparison",
        "Is tin heavier than zinc?",
        "Is zinc heavier than tin?",
        "order: tin heavier than zinc / zinc heavier than tin",
    ),
    ("quantifier", "Do all cats purr?", "Do most cats purr?", "quantifier: all / most"),
    ("quantifier", "Is tea or milk included?", "Is tea and milk included?", "quantifier: or / (nothing)"),
    ("modality", "Should I sell my car?", "Can I sell my car?", "modality: should / can"),
    ("tense", "Is she the boss of Bob?", "Was she the boss of Bob?", "tense: present / past"),
    ("tense", "Will the price rise?", "Does the price rise?", "tense: future / present"),
    ("tense", "Is he a nurse in Rome?", "Did he use to be a nurse in Rome?", "tense: present / once past"),
    ("state", "Is the shop opening?", "Is the shop open?", "tense: opening / open"),
    ("question", "When was it signed in Rome?", "Why was it signed in Rome?", "question: when / why"),
    ("question", "Can I cancel my booking?", "How can I cancel my booking?", "question: yesno / howto"),
    ("question", "How do plants grow?", "How do I grow plants?", "question: how / howto"),
    ("person", "Do you sell shoes?", "Do they sell shoes?", "person: you / they as subject"),
    ("person", "Who is following me now?", "Who am I following now?", "person: i as object / i as subject"),
    (
        "coreference",
        "If Al met Bo, was he sad?",
        "If Al met Bo, was she sad?",
        "person: he as subject / she as subject",
    ),
    ("order", "Can my bank sue me?", "Can I sue my bank?", "order: bank sue / sue bank"),
    (
        "order",
        "Flights from Rome to Bonn",
        "Flights from Bonn to Rome",
        "order: Flights from Rome to Bonn / Flights from Bonn to Rome",
    ),
    ("order", "Who hired the cook?", "Who did the cook hire?", "order: hired cook / cook hire"),
    ("order", "Did Ann see Bob?", "Was Ann seen by Bob?", "order: Ann see Bob / Bob seen Ann"),
    ("order", "How do I drive to Rome?", "How do I drive in Rome?", "order: drive to Rome / drive in Rome"),
    ("language", "Write it in Rust", "Write it in Kotlin", "language: Rust / Kotlin"),
    ("format", "Summarize tea in a table", "Summarize tea in a list", "format: table / list"),
    ("word", "How do I clean a leather bag?", "How do I clean a suede bag?", "word: leather / suede"),
    ("word", "How do I close my account?", "How do I close my shop account?", "word: (nothing) / shop"),
    ("code", "What is `x = {}`?", "What is `y = {}`?", "code: What is `x = {}`? / What is `y = {}`?"),
    ("script", "什么是缓存？", "什么是数据库？", "word: 什么是缓存 / 什么是数据库"),
    ("sign", "What is 2 * 3?", "What is 2 - 3?", "identifier: * / -"),
    ("factorial", "Is 5! even?", "Is 5 even?", "identifier: 5! / (nothing)"),
    ("order", "Is tea to milk similar to ale to beer?", "Is milk to tea similar to beer to ale?", None),
    ("letter", "Is A a part of B?", "Is B a part of A?", None),
    (
        "order",
        "Who is older, Ann's son or Bob?",
        "Who is older, Ann or Bob's son?",
        "order: older Ann's son Bob / older Ann Bob's son",
    ),
    ("nothing", "What is it?", "Who is it?", "no content word: What is it? / Who is it?"),
    ("tense", "What is the price?", "What was the price?", "tense: present / past"),
    ("tense", "What is the price of bread?", "How much did bread cost?", "tense: present / past"),
    ("tense", "How long does it take to get a visa?", "How long did it take to get a visa?", None),
    ("tense", "Who won the cup?", "Who wins the cup?", None),
    ("tense", "Is my order being shipped?", "Has my order been shipped?", "tense: ongoing present / past"),
    ("tense", "What is the rent?", "What is the rent going to be?", None),
    ("person", "How can I block a person?", "How can a person block me?", None),
    ("person", "How can I open my door?", "How can someone open my door?", None),
    ("together", "Can we file taxes?", "Can we file taxes together?", "word: (nothing) / together"),
    ("place", "Is it sold in Norway?", "Is it sold outside Norway?", None),
    ("emoji", "🙂", "🙁", "identifier: 🙂 / 🙁"),
    ("means", "Is it safe to run with a cold?", "Is it safe to run in the cold?", None),
    ("means", "How do I upgrade npm?", "How do I upgrade with npm?", None),
    ("negation", "Can I copy it without changing it?", "Can I change it without copying it?", None),
    ("person", "Have you received my email?", "Have I received your email?", None),
    ("number", "Can I have two accounts?", "Can two people have one account?", None),
    ("adverb", "Almost all students passed.", "All students almost passed.", None),
    ("superlative", "What is the largest lake in Africa?", "What is the deepest lake in Africa?", None),
    ("contrast", "Can I pay with a debit card?", "Can I pay with a credit card?", "polarity: debit / credit"),
    ("contrast", "Is dinner included?", "Is breakfast included?", "polarity: dinner / breakfast"),
    ("modifier", "Is Ann a doctor?", "Is Ann a real doctor?", None),
    ("verb", "How do I use a virtual card?", "How do I get a virtual card?", None),
    (
        "manner",
        "Explain recursion in simple terms",
        "Explain recursion in detail",
        "format: in simple terms / in detail",
    ),
    ("manner", "Describe the plot of Dune in detail", "Describe the plot of Dune", "format: in detail / (nothing)"),
    ("manner", "Explain quantum computing simply", "Explain quantum computing thoroughly", None),
    ("manner", "Give me a detailed answer about tea", "Give me a simple answer about tea", None),
    ("manner", "Explain recursion", "Explain recursion automatically", "word: (nothing) / automatically"),
    ("modifier", "What is a safe dose of zinc?", "What is a typical dose of zinc?", None),
    ("modifier", "What is a safe dose of zinc?", "What is the dose of zinc?", None),
    ("modifier", "What is the exact height of it?", "What is the typical height of it?", None),
    ("modifier", "What is the full price of tea?", "What is the price of tea?", None),
    ("modifier", "What is the free way to fix it?", "What is the best way to fix it?", None),
    ("state", "Is the pool still open?", "Is the pool already open?", "word: still / already"),
    ("law", "Is it possible to scrape it with Python?", "Is it legal to scrape it with Python?", None),
    ("case", "What do I say to a friend who lied to me?", "What do I say to a friend I lied to?", None),
    ("case", "I am type O, who can I give blood to?", "I am type O, who can give blood to me?", None),
    ("tense", "Who has the most medals?", "Who had the most medals?", None),
    ("slip", "Is Zantex safe?", "Is Zanter safe?", None),
    ("case", "What does git branch -d do?", "What does git branch -D do?", None),
    (
        "case",
        "How do I delete it with git branch -d?",
        "How can I delete it with git branch -D?",
        "identifier: -d / -D",
    ),
    ("case", "How long does a download take at 100 Mb/s?", "How long would a download take at 100 MB/s?", None),
    ("layout", "Fix this:\nfor i in x:\n    a()\nb()", "Fix this:\nfor i in x:\n    a()\n    b()", None),
    ("brackets", "What is 2 + 3 × 4?", "What is (2 + 3) × 4?", "order: 2+3×4 / (2+3)×4"),
    ("pattern", "How do I find *.py files?", "How can I find .py files?", "identifier: *.py / .py"),
    ("quote", 'What does "ls" do?', 'What does "cd" do?', "payload: ls / cd"),
    ("actor", "Does my tenant need my keys?", "Do I need my tenant's keys?", "order: tenant / i"),
    ("actor", "What does the technician bring?", "What do I bring for the technician?", "order: technician / i"),
    ("actor", "Do you know what the bank needs?", "Do you know what I need for the bank?", "order: bank / i"),
    ("actor", "What happens if my son pays?", "What happens if I pay my son?", None),
    ("actor", "What is the bank going to send?", "What am I going to send to the bank?", None),
    (
        "actor",
        "Do I have to be home for the technician?",
        "Does the technician have to be home?",
        "order: i / technician",
    ),
    ("actor", "Does the bank get the signed form?", "Do I get the signed form for the bank?", "order: bank / i"),
    ("bearer", "Is my wife responsible for my car?", "Am I responsible for my wife's car?", "order: wife / i"),
    ("owner", "Can my kids' phones use my data?", "Can my phone use my kids' data?", None),
    ("owner", "How do I swap my phone with my wife?", "How do I swap my wife's phone?", None),
    ("owner", "How do I share my photos with my TV?", "How do I share my TV photos?", None),
    ("owner", "How do I use my phone's data on my PC?", "How do I use my data on my phone and PC?", None),
    ("own", "What is a PUK?", "What is my PUK?", "person: PUK / my PUK"),
    ("own", "What is the PUK?", "What is my PUK?", "person: PUK / my PUK"),
    ("own", "customer number", "my customer number", None),
    ("own", "When does a contract end?", "When does my contract end?", "person: contract end / my contract end"),
    ("anyone", "Does anyone have to sign?", "Do I have to sign?", "person: someone as subject / i as subject"),
    ("anyone", "Do you know if people can join?", "Do you know if I can join?", None),
]


@pytest.mark.parametrize(("mechanism", "a", "b", "reason"), VETOES, ids=[f"{row[0]}-{row[1]}" for row in VETOES])
def test_what_changes_the_answer_is_named(mechanism: str, a: str, b: str, reason: str | None) -> None:
    reasons = [found.reason for found in differences(a, b)]

    assert reasons if reason is None else reason in reasons


def test_every_difference_is_returned() -> None:
    found = differences("Can I take 5 mg of zinc?", "Should I take 6 mg of iron?")

    assert found == (
        Difference("number", "5", "6"),
        Difference("modality", "can", "should"),
        Difference("word", "zinc", "iron"),
    )


def test_a_text_too_long_to_read_differs_from_any_other() -> None:
    long = "word " * 2_000

    assert [found.reason for found in differences(long, long + "x")] == [
        "too long: 10000 characters / 10001 characters"
    ]


def test_a_text_too_long_to_read_is_the_same_but_for_white_space() -> None:
    assert differences("word " * 2_000, "word\n" * 2_000) == ()


def test_code_is_the_same_but_for_white_space() -> None:
    assert differences("f(x) = {x;}", "f(x)  =  {x;}") == ()


def test_a_text_of_too_many_words_is_not_read() -> None:
    assert [found.kind for found in differences("a b " * 200, "a b " * 200 + "c")] == ["too long"]


@pytest.mark.parametrize(
    ("a", "b", "force"),
    [
        ("How do I paint a fence in May?", "What's the way to clean a fence in May?", "always"),
        ("How do I join a Zoom meeting?", "What's the way to host a meeting on Zoom?", "always"),
        ("How do I store potatoes?", "What is the best way to store potato salad?", "always"),
        ("Where can I see my linked account?", "Where can I see my account?", "always"),
        ("Which vaccines do I need?", "What vaccines are required for babies?", "always"),
        ("Why is the sky blue?", "What colours the sky blue?", "alike"),
        ("How do I update the mail of my account?", "How do I update the mail linked to my account?", "never"),
    ],
)
def test_a_word_forbids_by_where_it_stands(a: str, b: str, force: str) -> None:
    assert [found.force for found in differences(a, b) if found.kind == "word"] == [force]
