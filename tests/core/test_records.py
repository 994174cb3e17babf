"""What a function's own code changes."""

from __future__ import annotations

import pytest

from mneme.records import attributes_changed_by, changed_by


def functions():
    number, names, table, other, read = 0, [], {}, set(), {"a": 1}

    def assigns():
        nonlocal number
        number += 1

    def appends():
        names.append(read["a"])

    def sets_an_item():
        table["calls"] = table.get("calls", 0) + len(read)

    def adds_to_an_item():
        table["calls"] += 1

    def deletes_an_item():
        del table["calls"]

    def changes_within():
        return [other.add(each) for each in read]

    def only_reads():
        local = {}
        local[names[0]] = table["a"]
        return local, read.get("a"), number, other

    return assigns, appends, sets_an_item, adds_to_an_item, deletes_an_item, changes_within, only_reads


CHANGED = [{"number"}, {"names"}, {"table"}, {"table"}, {"table"}, {"other"}, set()]


@pytest.mark.parametrize(("function", "changed"), [*zip(functions(), CHANGED, strict=True)])
def test_the_captured_variables_a_function_changes_are_found(function, changed):
    assert changed_by(function.__code__) == changed


def readers():
    text, table, rows, make = "a b", {"a": {}}, [[2], [1]], dict

    def pops_of_a_call():
        return text.split().pop(0), table.copy().pop("a", 0)

    def sorts_a_slice():
        rows[:].sort()
        rows[0].append(1)

    def sets_an_item_of_a_call():
        table.copy()["a"] = 1
        make()["a"] = 1
        (table
         .copy()
         ["a"]) = 1  # fmt: skip

    def sets_an_item_of_an_item():
        table["a"]["b"] = rows[0][0]
        table["a"]["b"] += 1

    def changes_an_attribute_of_one():
        table.inner.pop()
        table.inner["a"] = 1

    return pops_of_a_call, sorts_a_slice, sets_an_item_of_a_call, sets_an_item_of_an_item, changes_an_attribute_of_one


@pytest.mark.parametrize("function", readers())
def test_a_change_of_what_is_made_of_a_variable_is_none_of_the_variable(function):
    assert changed_by(function.__code__) == frozenset()


def test_a_variable_is_changed_whatever_names_the_item():
    table, other, key = {}, {}, {"a": "b"}

    def sets():
        table[other.copy().pop("a")] = 1
        other[key.name] = other[key["a"]] = 2
        return key.copy().pop("a")

    assert changed_by(sets.__code__) == {"table", "other"}


class Model:
    def assigns(self, value):
        self.last = value

    def counts(self):
        self.calls += 1

    def appends(self):
        self.asked.append(self.model)

    def sets_an_item(self):
        self.table["a"] = self.model

    def sets_an_attribute_of_one(self):
        self.inner.value = 1

    def adds_to_an_attribute_of_one(self):
        self.inner.value += 1

    def adds_to_an_item(self):
        self.table["a"] += self.model

    def deletes(self):
        del self.last

    def changes_what_is_made_of_them(self):
        self.table.copy()["a"] = self.text.split().pop(0)
        self.asked[:].sort()
        self.table["a"].pop()
        self.table["a"]["b"] = self.inner.list.pop()
        self.table["a"]["b"] += 1
        self.inner.inner.value = 1
        self.inner.inner.value += 1

    def only_reads(self, other):
        other.calls = self.model
        local = self.table.get("a")
        return local, self.asked[0]

    def without(*arguments):
        return arguments


ATTRIBUTES = [
    (Model.assigns, {"last"}),
    (Model.counts, {"calls"}),
    (Model.appends, {"asked"}),
    (Model.sets_an_item, {"table"}),
    (Model.sets_an_attribute_of_one, {"inner"}),
    (Model.adds_to_an_attribute_of_one, {"inner"}),
    (Model.adds_to_an_item, {"table"}),
    (Model.deletes, {"last"}),
    (Model.changes_what_is_made_of_them, set()),
    (Model.only_reads, set()),
    (Model.without, set()),
]


@pytest.mark.parametrize(("method", "changed"), ATTRIBUTES)
def test_the_attributes_a_method_changes_are_found(method, changed):
    assert attributes_changed_by(method.__code__) == changed
