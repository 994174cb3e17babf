"""The Grafana dashboard and the alert rules: every metric, label and value in them is one that the hook exports.

Promtool is not needed. Checked are the JSON and the YAML, brackets, the names of functions, metrics and labels, the
values of labels that Mneme itself sets, ranges, durations, and the references of panels.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from mneme import MemoryStore, SemanticCache
from mneme.adapters.prometheus import PrometheusMetricsHook
from mneme.observe.decisions import DECIDED
from mneme.observe.gauges import GAUGES
from mneme.testing import FailingEmbedder, FakeClock, WordEmbedder

SHIPPED = files("mneme.observe") / "grafana"
DASHBOARD: dict[str, Any] = json.loads((SHIPPED / "dashboard.json").read_text("utf-8"))
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((SHIPPED / "alerts.yml").read_text("utf-8"))["groups"] for rule in group["rules"]
]
QUERIES = [
    *((panel["title"], target["expr"]) for panel in DASHBOARD["panels"] for target in panel["targets"]),
    *((rule["alert"], rule["expr"]) for rule in RULES),
]
EACH_QUERY = pytest.mark.parametrize(("name", "query"), QUERIES)

WORDS = {"sum", "rate", "increase", "histogram_quantile", "topk", "by", "and", "offset", "ignoring", "group_left"}
VALUES = {
    "outcome": set(DECIDED),
    "layer": {"exact", "semantic"},
    "failed": {"yes", "no"},
    "reason": {"no_match", "below_threshold", "bypass", "embedder_failure", "dim_mismatch", "unembeddable"}
    | {"store_failure", "refused_by_policy", "reported_wrong"},
}
PRICES = {"currency": "EUR", "date": "2026-02-01", "models": {"m": {"input": 1, "output": 2}}}
SELECTOR = re.compile(r"(?P<metric>mneme_\w+)(?:\{(?P<matchers>[^}]*)\})?(?P<range>\[[^\]]*\])?")
MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')


@pytest.fixture(scope="module")
def exported() -> dict[str, set[str]]:
    """Name of each sample that a scrape shows after some traffic -> its labels."""
    registry = CollectorRegistry()
    hook = PrometheusMetricsHook(registry=registry)
    clock = FakeClock()
    with SemanticCache(
        store=MemoryStore(), embedder=WordEmbedder(), metrics_hook=hook, max_entries=4, clock=clock, prices=PRICES
    ) as cache:
        for number in range(9):
            used = {"model": "m", "input_tokens": 3, "output_tokens": 2}
            cache.get_or_compute(f"question {number}", lambda: "answer", usage=used)
        cache.get("question 8")
        cache.get("8 question")
        clock.advance(1)
        cache.put("short", "lived", ttl=1)
        clock.advance(2)
        cache.vacuum()
        hook.update_gauges(cache.stats())
    with SemanticCache(store=MemoryStore(), embedder=FailingEmbedder(), metrics_hook=hook) as cache:
        cache.get("question")
    return {sample.name: set(sample.labels) for family in registry.collect() for sample in family.samples}


def selectors(query: str) -> Iterator[tuple[str, list[tuple[str, str, str]], str]]:
    for found in SELECTOR.finditer(query):
        yield found["metric"], MATCHER.findall(found["matchers"] or ""), found["range"] or ""


@EACH_QUERY
def test_every_metric_is_one_that_is_exported(name: str, query: str, exported: dict[str, set[str]]) -> None:
    named = {metric for metric, _, _ in selectors(query)}

    assert named
    assert named <= set(exported)


@EACH_QUERY
def test_every_label_is_one_of_its_metric(name: str, query: str, exported: dict[str, set[str]]) -> None:
    for metric, matchers, _ in selectors(query):
        assert {label for label, _, _ in matchers} <= exported[metric]
    grouped = re.findall(r"\bby \(([^)]*)\) \((?:\w+\()?(mneme_\w+)", query)
    assert len(grouped) == query.count("by (")
    for labels, metric in grouped:
        assert set(labels.split(", ")) <= exported[metric]


@EACH_QUERY
def test_every_value_of_a_label_is_one_that_it_can_have(name: str, query: str, exported: dict[str, set[str]]) -> None:
    wanted = {
        (label, value)
        for _, matchers, _ in selectors(query)
        for label, _, values in matchers
        if label in VALUES
        for value in values.split("|")
    }

    assert {(label, value) for label, value in wanted if value not in VALUES[label]} == set()


@EACH_QUERY
def test_a_query_is_well_formed(name: str, query: str, exported: dict[str, set[str]]) -> None:
    plain = re.sub(r'"[^"]*"', '""', query)
    open_: list[str] = []
    for sign in plain:
        if sign in "([{":
            open_.append(sign)
        elif sign in ")]}":
            assert open_.pop() + sign in ("()", "[]", "{}")
    assert open_ == []
    for matchers in re.findall(r"\{([^}]*)\}", query):
        assert all(MATCHER.fullmatch(matcher) for matcher in matchers.split(","))
    rest = SELECTOR.sub(" ", query)
    rest = re.sub(r"\b(by|ignoring) \([^)]*\)", " ", rest)
    words = set(re.findall(r"[a-z_]\w*", re.sub(r"\b\d+[smhd]\b", " ", rest)))
    assert words <= WORDS


@EACH_QUERY
def test_counters_are_read_as_rates_and_gauges_as_they_are(
    name: str, query: str, exported: dict[str, set[str]]
) -> None:
    for found in SELECTOR.finditer(query):
        is_gauge = found["metric"].removeprefix("mneme_") in GAUGES
        before = query[: found.start()]
        assert bool(found["range"]) is not is_gauge
        assert before.endswith(("rate(", "increase(")) is not is_gauge
        if found["range"]:
            assert re.fullmatch(r"\[(\$__rate_interval|\d+[smhd])\]", found["range"])
    assert all("le" in grouped for grouped in re.findall(r"histogram_quantile\([\d.]+, sum by \(([^)]*)\)", query))


def test_panels_ask_the_data_source_that_is_chosen() -> None:
    variables = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    asked = [each["datasource"] for panel in DASHBOARD["panels"] for each in (panel, *panel["targets"])]

    assert (variables["datasource"]["type"], variables["datasource"]["query"]) == ("datasource", "prometheus")
    assert [*asked, variables["namespace"]["datasource"]] == [chosen] * (len(asked) + 1)
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(DASHBOARD["panels"]))) - {"__rate_interval"}
    assert used == set(variables)


def test_the_namespaces_to_choose_from_are_those_of_lookups(exported: dict[str, set[str]]) -> None:
    query = next(each for each in DASHBOARD["templating"]["list"] if each["name"] == "namespace")["query"]["query"]
    found = re.fullmatch(r"label_values\((\w+), (\w+)\)", query)

    assert found
    assert found[2] in exported[found[1]]


def test_panels_have_ids_and_places_of_their_own() -> None:
    panels = DASHBOARD["panels"]
    cells = [
        (place["x"] + right, place["y"] + down)
        for place in (panel["gridPos"] for panel in panels)
        for right in range(place["w"])
        for down in range(place["h"])
    ]

    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    assert (len(set(cells)), max(x for x, _ in cells)) == (len(cells), 23)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_is_wrong_and_how_bad_it_is(rule: dict[str, Any], exported: dict[str, set[str]]) -> None:
    labels = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["description"]))
    grouped = {label.strip() for found in re.findall(r"\bby \(([^)]*)\)", rule["expr"]) for label in found.split(",")}

    assert rule["labels"]["severity"] in ("info", "warning", "critical")
    assert set(rule["annotations"]) == {"summary", "description"}
    assert re.fullmatch(r"\d+[smhd]", rule.get("for", "0s"))
    assert labels <= grouped - {"le"}
    assert len({each["alert"] for each in RULES}) == len(RULES)


def test_the_time_of_every_kind_of_lookup_is_a_histogram_of_its_own() -> None:
    registry = CollectorRegistry()
    hook = PrometheusMetricsHook(registry=registry)
    clock = FakeClock()
    cache = SemanticCache(store=MemoryStore(), embedder=WordEmbedder(), metrics_hook=hook, clock=clock, negative_ttl=60)
    cache.get_or_compute("how do I pay", lambda: "By card.", ttl=10)
    cache.get("how do I pay")
    cache.get("pay I do how")
    cache.get("how do I pay", bypass=True)
    for _ in range(2):
        cache.get_or_compute("is it down", lambda: "[ERROR] down", mode="exact")
    clock.advance(11)
    cache.get_or_compute("how do I pay", lambda: "By card.", stale_while_revalidate=60)

    counted = {
        outcome: registry.get_sample_value("mneme_lookup_seconds_count", {"outcome": outcome, "namespace": "default"})
        for outcome in DECIDED
    }
    counted.pop("computed")  # the refresh in the background may be one of them by now
    assert counted == {"exact": 1, "semantic": 1, "stale": 1, "refused": 1, "miss": 2, "bypass": 1, "shared": None}
    embedded = {"model": WordEmbedder().fingerprint, "failed": "no"}
    assert (registry.get_sample_value("mneme_embedding_seconds_count", embedded) or 0) >= 2


def test_a_failure_of_the_embedder_is_timed_as_one() -> None:
    registry = CollectorRegistry()
    embedder = FailingEmbedder()
    cache = SemanticCache(store=MemoryStore(), embedder=embedder, metrics_hook=PrometheusMetricsHook(registry=registry))
    cache.get("how do I pay")

    failed = {"model": embedder.fingerprint, "failed": "yes"}
    assert registry.get_sample_value("mneme_embedding_seconds_count", failed) == 1
