"""A synonym in one sense only is none: each pair is the same sentence with one word for another."""

from __future__ import annotations

import pytest

from mneme import Guarded
from mneme.model import Neighbour

PAIRS = [
    ("How do I {} a database?", "reset", "restore"),
    ("How do I {} my iPhone?", "reset", "restore"),
    ("How do I {} my account?", "reset", "recover"),
    ("How do I {} the last commit?", "undo", "revert"),
    ("How do I {} a Docker container?", "stop", "kill"),
    ("What does apt {} do?", "update", "upgrade"),
    ("How do I {} two tables in SQL?", "merge", "join"),
    ("How do I import a {} in Python?", "package", "module"),
    ("How do I install a Python {}?", "package", "library"),
    ("How do I add {} to a class?", "a property", "an attribute"),
    ("How do I make a shallow {} of a list?", "copy", "clone"),
    ("How do I {} a repository?", "copy", "clone"),
    ("How do I open a {} on my desk?", "notebook", "laptop"),
    ("How do I cancel my {}?", "application", "app"),
    ("How do I change the {} colour?", "key", "button"),
    ("How do I {} a branch?", "fetch", "download"),
    ("How do I add a {} in Xero?", "client", "customer"),
    ("How do I {} a customer?", "charge", "recharge"),
    ("How is {} calculated?", "income", "revenue"),
    ("How do I get a {} from my bank?", "loan", "credit"),
    ("How do I {} a loan?", "take out", "withdraw"),
    ("How do I cancel my {}?", "claim", "request"),
    ("Can I {} money to my brother?", "lend", "loan"),
    ("Should I {} my mortgage?", "pay off", "pay down"),
    ("How do I {} bleeding?", "stop", "prevent"),
    ("How much does {} sleep?", "a newborn", "an infant"),
    ("How do I delete my {}?", "email", "email address"),
    ("How do I {} a review?", "leave", "exit"),
    ("How do I {} an order?", "get a refund for", "refund"),
    ("How do I {} money?", "save", "keep"),
    ("How do I {} money?", "save", "store"),
    ("How do I {} a payment?", "make", "request"),
    ("How do I {} a payment?", "make", "receive"),
    ("Can I {} a refund?", "request", "offer"),
    ("When do I {} a refund?", "request", "get"),
    ("Is it {} to drink alcohol on antibiotics?", "possible", "safe"),
    ("Is it {} to stop taking statins?", "okay", "possible"),
    ("Is it {} to record a phone call?", "legal", "possible"),
    ("Is it {} to record a phone call?", "legal", "okay"),
    ("Is it {} to record a phone call?", "allowed", "possible"),
    ("What is the {} dose of zinc?", "recommended", "usual"),
    ("What is the {} dose of zinc?", "typical", "usual"),
    ("What is the {} interest rate?", "current", "legal"),
    ("What is the {} interest rate?", "current", "typical"),
    ("What is the {} tyre pressure?", "recommended", "possible"),
    ("Why do I get {} results?", "different", "correct"),
    ("What is {} cash value?", "actual", "real"),
    ("What is my {} balance?", "current", "available"),
    ("What is my {} balance?", "total", "available"),
    ("How do I {} the wine?", "serve", "waiter"),
    ("How do I create a {} in Java?", "thread", "yarn"),
    ("How much {} do I need?", "calcium", "California"),
    ("How do I {} Spanish?", "learn", "teach"),
    ("How do I {} a process?", "kill", "overcome"),
    ("Do I get my salary in {}?", "New York", "New York City"),
    ("How can I {} a diet?", "go on", "continue"),
    ("What can {} during a scan?", "happen", "go wrong"),
    ("What is my {}?", "take home pay", "salary"),
    ("How much {} may I take?", "hand luggage", "luggage"),
    ("How do I {} my computer?", "close", "shut down"),
    ("Is it OK to take it {}?", "at night", "for a night"),
    ("{} for overtime?", "Do I get paid", "Do I pay"),
    ("{} for the delivery?", "Am I charged", "Do I charge"),
    ("Do I {} diabetes?", "have", "get"),
    ("Can I take it {}?", "for a month", "in a month"),
    ("Can I send a parcel {}?", "to you", "for you"),
    ("Can I order {}?", "for a friend", "to a friend"),
    ("How do I {} a refund?", "process", "request"),
    ("What is the {} cause of rust?", "main", "possible"),
    ("How do I {} an EC2 instance?", "launch", "start"),
    ("How do I {} my phone?", "turn off", "disable"),
    ("How can {}?", "I have my order sent to you", "you send my order to me"),
]
DROPPED = [
    ("What is {} life insurance?", "whole"),
    ("What is {} cholesterol?", "total"),
    ("What is {} gravity?", "specific"),
    ("What is the {} interest rate of Japan?", "real"),
    ("What is {} GDP?", "real"),
    ("What are {} assets?", "current"),
    ("What are {} liabilities?", "current"),
    ("How do I open a {} account?", "current"),
    ("What is {} cash value?", "actual"),
    ("What is my {} balance?", "available"),
    ("What is my {} credit?", "available"),
    ("What is {} stock?", "common"),
    ("What is the {} limit for alcohol?", "legal"),
    ("What is the {} dose of zinc?", "safe"),
    ("Why do I get {} results?", "different"),
    ("What is {} interest?", "simple"),
    ("How is the {} cold treated?", "common"),
    ("Can I give my baby {} milk?", "whole"),
]
HARMLESS = [
    ("What is the {} way to clean a fence?", "right"),
    ("How do I change my {} address?", "current"),
    ("What is the {} name of this plant?", "exact"),
    ("What is the {} reason for thunder?", "main"),
    ("What are the {} types of diabetes?", "different"),
    ("Who is the {} president of France?", "current"),
    ("What are {} symptoms of flu?", "typical"),
    ("How do I delete the {} folder?", "entire"),
]
BESIDE = [
    ("How do I {} my delivery address?", "change", "update"),
    ("How can I {} my credit score?", "raise", "improve"),
    ("How do I {} notifications?", "turn off", "disable"),
    ("How do I {} two strings in Java?", "join", "concatenate"),
    ("What happens to my pension if I {} jobs?", "change", "switch"),
]


def _is_served(a: str, b: str) -> bool:
    near = Neighbour(" ".join(a.split()), "an answer", 0.97, age_seconds=0.0, metadata={})
    return Guarded().judge(" ".join(b.split()), near, [near]).accepted


@pytest.mark.parametrize(("frame", "one", "other"), PAIRS)
def test_a_word_in_the_place_of_another_is_refused(frame: str, one: str, other: str) -> None:
    assert not _is_served(frame.format(one), frame.format(other))


@pytest.mark.parametrize(("frame", "adjective"), DROPPED)
def test_an_adjective_that_makes_a_term_may_not_be_left_out(frame: str, adjective: str) -> None:
    assert not _is_served(frame.format(adjective), frame.format(""))


@pytest.mark.parametrize(("frame", "adjective"), HARMLESS)
def test_one_that_says_nothing_may_be_left_out(frame: str, adjective: str) -> None:
    assert _is_served(frame.format(adjective), frame.format(""))


@pytest.mark.parametrize(("frame", "one", "other"), BESIDE)
def test_some_words_stand_for_each_other_beside_certain_things(frame: str, one: str, other: str) -> None:
    assert _is_served(frame.format(one), frame.format(other))
