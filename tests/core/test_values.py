"""The fields of the values that users take apart, in their order."""

import copy
import dataclasses

import pytest

import mneme
from mneme.model import Hit, Neighbour, StoredEntry, neighbour_of, stored_entry_of
from mneme.runtime.hits import hit_of
from mneme.runtime.record import Whole

FIELDS = {
    "Hit": "response similarity confidence age_seconds layer namespace metadata query key compute_seconds asked",
    "Stats": "namespace entries hits_exact hits_semantic misses evictions expirations embedder_fingerprint "
    "vector_dtype memory_bytes_estimate index_memory_bytes index_tombstone_count "
    "saved_seconds saved_input_tokens saved_output_tokens saved_cost savings resident_bytes",
    "Health": "healthy schema_version integrity_ok embedder_fingerprint_match entries namespaces "
    "oldest_entry_age_seconds index_backend store_backend vector_dtype multi_process_mode",
    "StoredEntry": "id namespace query_hash query response embedding metadata created_at last_accessed_at ttl "
    "access_count partition compute_seconds",
    "Outcome": "value status similarity hit saved_seconds",
    "Verdict": "accepted confidence reason",
    "Neighbour": "query response similarity age_seconds metadata namespace key turns wrong_for",
    "Candidate": "neighbour verdict features",
    "Explanation": "query canonical namespace outcome key exact candidates elsewhere exact_only other_vary",
}
DOCUMENTED = {"Hit": 7, "Stats": 12, "Health": 11, "StoredEntry": 11}


@pytest.mark.parametrize("name", FIELDS)
def test_the_fields_come_in_their_order(name):
    fields = dataclasses.fields(getattr(mneme, name))

    assert [field.name for field in fields] == FIELDS[name].split()


@pytest.mark.parametrize("name", DOCUMENTED)
def test_added_fields_come_last_and_have_defaults(name):
    fields = dataclasses.fields(getattr(mneme, name))
    with_default = [field.default is not dataclasses.MISSING for field in fields]

    assert with_default == [False] * DOCUMENTED[name] + [True] * (len(fields) - DOCUMENTED[name])


@pytest.mark.parametrize("name", FIELDS)
def test_the_values_are_frozen_and_have_slots(name):
    value = getattr(mneme, name)

    assert (value.__dataclass_params__.frozen, hasattr(value, "__slots__")) == (True, True)


FAST_HIT = hit_of(
    Whole(1, "n", b"k", "q", "r", 0, '{"a": 1}', 10.0, 10.0, None, 0, b"p", 0.5, 2), 1.0, 0.9, "exact", 13.5, "as put"
)
ENTRY = (7, "n", "ab", "q", "r", b"v", {"a": 1}, 1.0, 2.0, None, 3, b"p", 0.5)
NEIGHBOUR = ("q", "r", 0.9, 3, {"a": 1}, "n", "ab", (("user", "t"),), ("w",))


@pytest.mark.parametrize(
    ("made", "usual"),
    [
        (FAST_HIT, Hit("r", 1.0, 0.9, 3, "exact", "n", {"a": 1}, "q", "6b", 0.5, "as put")),
        (stored_entry_of(*ENTRY), StoredEntry(*ENTRY)),
        (neighbour_of(*NEIGHBOUR), Neighbour(*NEIGHBOUR)),
    ],
    ids=["hit", "entry", "neighbour"],
)
def test_a_value_made_fast_is_the_same_and_as_frozen(made, usual) -> None:
    assert (type(made), made, repr(made), copy.copy(made)) == (type(usual), usual, repr(usual), usual)
    assert dataclasses.replace(made, response="other") == dataclasses.replace(usual, response="other")
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.response = "other"
