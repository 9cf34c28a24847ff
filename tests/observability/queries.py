"""The queries of the example dashboard and of the alert rules, and what is in them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser as promql
import yaml
from msgspec import Struct

FOLDER = Path(__file__).parents[2] / "deploy/observability"
BOARD: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text())
ALERTS: list[dict[str, Any]] = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"][0]["rules"]
OPERATORS = [(promql.MatchOp.Equal, "="), (promql.MatchOp.NotEqual, "!="), (promql.MatchOp.Re, "=~"), (promql.MatchOp.NotRe, "!~")]
VARIABLES = {"$__rate_interval": "1m", "$service": ".*", "$instance": ".*"}


class Match(Struct, frozen=True):
    """What a selector asks of one label; `operator` is =, !=, =~ or !~."""

    label: str
    operator: str
    value: str


class Selector(Struct, frozen=True):
    """A metric, and which of its series."""

    metric: str
    matches: list[Match]


class Query(Struct, frozen=True):
    """A query, where it stands, and the labels that the words around it show."""

    where: str
    text: str
    shown: set[str] = set()

    def selectors(self) -> list[Selector]:
        """Give all that it selects; raises ValueError if it is no PromQL."""
        return [Selector(node.name or "", [_match(one) for one in node.matchers.matchers]) for node in self._nodes(promql.VectorSelector)]

    def labels(self) -> set[str]:
        """Give the labels that it groups or matches by."""
        groups = [node.modifier for node in self._nodes(promql.AggregateExpr)]
        groups += [node.modifier.matching for node in self._nodes(promql.BinaryExpr) if node.modifier]
        return {label for group in groups if group for label in group.labels}

    def _nodes(self, kind: Any) -> list[Any]:
        found: list[Any] = []
        promql.walk(promql.parse(self.text), lambda node: found.extend(_unpacked(node)))
        return [node for node in found if isinstance(node, kind)]


def _unpacked(node: Any) -> Iterator[Any]:
    yield node
    if isinstance(node, promql.MatrixSelector):
        yield node.vector_selector


def _match(one: promql.Matcher) -> Match:
    return Match(one.name, next(sign for kind, sign in OPERATORS if kind == one.op), one.value)


def filled(text: str) -> str:
    """Put something in the place of Grafana's variables."""
    for variable, value in VARIABLES.items():
        text = text.replace(variable, value)
    return text


def panels() -> list[dict[str, Any]]:
    """Give the panels of the dashboard, rows aside."""
    return [panel for panel in BOARD["panels"] if panel["type"] != "row"]


def of_dashboard() -> list[Query]:
    """Give the queries of panels and variables."""
    found = [
        Query(panel["title"], filled(target["expr"]), set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])))
        for panel in panels()
        for target in panel["targets"]
    ]
    for variable in BOARD["templating"]["list"]:
        if variable["type"] == "query":
            selector, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"]).groups()  # type: ignore[union-attr]
            found.append(Query(f"${variable['name']}", f"count by ({label}) ({filled(selector)})"))
    return found


def of_alerts() -> list[Query]:
    """Give the queries of the alert rules."""
    return [Query(rule["alert"], rule["expr"], set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))) for rule in ALERTS]
