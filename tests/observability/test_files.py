"""The example dashboard and alert rules can be loaded, and are worth looking at."""

import re
from itertools import combinations
from pathlib import Path
from typing import Any

import yaml
from tests.observability.queries import ALERTS, BOARD, FOLDER, Match, Query, of_alerts, of_dashboard, panels

ROOT = Path(__file__).parents[2]
KINDS = {"row", "stat", "timeseries", "state-timeline"}
UNITS = {"none", "reqps", "percentunit", "s", "bytes"}
WIDTH = 24
SCENARIOS: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "scenarios.yml").read_text())


def anchors(document: Path) -> set[str]:
    """Give the fragments that lead to the headings of a document, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def cells(panel: dict[str, Any]) -> set[tuple[int, int]]:
    """Give the cells of Grafana's grid that a panel covers."""
    at = panel["gridPos"]
    return {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}


def test_every_panel_has_a_place_of_its_own() -> None:
    """Ids and titles are unique, nothing overlaps, nothing leaves the grid."""
    all_panels = BOARD["panels"]
    assert len({panel["id"] for panel in all_panels}) == len({panel["title"] for panel in all_panels}) == len(all_panels)
    assert not [(one["title"], other["title"]) for one, other in combinations(all_panels, 2) if cells(one) & cells(other)]
    assert all(0 <= x < WIDTH for panel in all_panels for x, _ in cells(panel))
    assert {panel["type"] for panel in all_panels} == KINDS


def test_every_panel_says_what_it_shows_and_in_which_unit() -> None:
    """And asks whatever source of data the reader chose."""
    for panel in panels():
        assert panel["title"], panel["id"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, panel["title"]
        asked = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
        assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in asked), panel["title"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"]) > 0
    assert [variable["name"] for variable in BOARD["templating"]["list"]] == ["datasource", "service", "instance"]


def test_every_query_heeds_the_variables() -> None:
    """Whoever chooses a service sees nothing of the others."""
    wanted = {Match("job", "=", "shop"), Match("service", "=~", "$service"), Match("instance", "=~", "$instance")}
    for panel in panels():
        for target in panel["targets"]:
            selectors = Query(panel["title"], target["expr"].replace("$__rate_interval", "1m")).selectors()
            assert selectors, panel["title"]
            assert all(wanted <= set(selector.matches) for selector in selectors), target["expr"]


def test_labels_that_are_shown_are_there() -> None:
    """A legend or an annotation names only what its query keeps."""
    for query in (*of_dashboard(), *of_alerts()):
        if query.labels():
            assert query.shown <= query.labels(), query.where


def test_every_alert_tells_what_to_do_and_where_to_read_on() -> None:
    """A summary, a description, and a section that exists."""
    for rule in ALERTS:
        notes = rule["annotations"]
        assert set(notes) == {"summary", "description", "docs"}, rule["alert"]
        assert rule["labels"]["severity"] in ("critical", "warning"), rule["alert"]
        assert len(notes["description"]) > 60, rule["alert"]
        file, _, anchor = notes["docs"].partition("#")
        assert not anchor or anchor in anchors(ROOT / file), (rule["alert"], anchors(ROOT / file))
        assert (ROOT / file).exists(), rule["alert"]


def test_every_alert_is_documented_and_tried_both_ways() -> None:
    """The operators' page names it; the scenarios have a moment in which it fires and one in which it is silent."""
    names = [rule["alert"] for rule in ALERTS]
    section = (ROOT / "docs/operations.md").read_text().partition("## Alerts and dashboard")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(Shop\w+)`", section, re.MULTILINE) == names
    fires: dict[bool, set[str]] = {True: set(), False: set()}
    for expected in (one for scenario in SCENARIOS["tests"] for one in scenario["promql_expr_test"]):
        fires[bool(expected["exp_samples"])] |= set(re.findall(r'alertname="(\w+)"', expected["expr"]))
    assert fires[True] == fires[False] == set(names)


def test_prometheus_gives_the_labels_that_are_asked_for() -> None:
    """The jobs are `shop` and `gateway`, and every instance has its service."""
    jobs = yaml.safe_load((FOLDER / "prometheus.yml").read_text())["scrape_configs"]
    assert [job["job_name"] for job in jobs] == ["shop", "gateway"]
    assert all(job["metrics_path"] == "/actuator/prometheus" for job in jobs)
    assert all([rule["target_label"] for rule in job["relabel_configs"]] == ["service"] for job in jobs)
