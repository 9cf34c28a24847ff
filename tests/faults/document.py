"""Writes docs/degradation.md from what was observed."""

from tests.faults.matrix import CALLS, WAYS, Answer, Observed
from tests.faults.rows import ROWS

from shop.settings import MODULES

INTRODUCTION = """\
# When a service is away

What every public call answers while one of the four services is away. `tests/faults/test_matrix.py` writes this page from what it observes over four
real processes: each service is away in turn, once refusing connections and once standing still (SIGSTOP), and every call of the other three is made.
It fails when it observes something else, when a call has no row, or when an answer is late.
`SHOP_TEST_RECORD=1 pytest tests/faults/test_matrix.py` writes the page anew.

| in a cell | means |
|---|---|
| · | the answer of a healthy shop |
| **503** | `unavailable` with Retry-After: the call needs that service. Nothing is made up; an order goes on under the same Idempotency-Key |
| **stale** | 200 with `"stale": true`: the cart with the prices that it was quoted last |
| `cancelling` | 200: it is written down, and done when the service is back |
| 2 s | how long a service that says nothing is waited for, at most: the time limit of the port's method |

A service that refuses connections is not waited for. After a few failures its circuit opens, and until it is back nobody waits for it at all.
A call whose own service is away is answered 503 with Retry-After by the gateway. Tokens are verified with the keys that a process has seen; one that
was started while users was away answers 503 where a token matters.
"""


def written(observed: Observed) -> str:
    """Give the whole page."""
    return INTRODUCTION + "".join(_table(observed, module) for module in MODULES)


def _table(observed: Observed, module: str) -> str:
    others = [other for other in MODULES if other != module]
    lines = [f"\n## {module}", f"| call | {' | '.join(f'without {other}' for other in others)} |", f"|---|{'---|' * len(others)}"]
    for row in ROWS[module]:
        lines.append(f"| {row.name} | {' | '.join(_cell(observed, row.name, other) for other in others)} |")
    return "\n".join(lines) + "\n"


def _cell(observed: Observed, name: str, away: str) -> str:
    refused, silent = (_said(observed.well[name], observed.away[away, mode][name]) for mode in WAYS)
    said = refused if refused == silent else f"refusing: {refused}; silent: {silent}"
    seconds = CALLS[name].seconds(away)
    return f"{said}, {seconds:g} s" if seconds else said


def _said(well: Answer, answer: Answer) -> str:
    if answer.says == well.says:
        return "·"
    if answer.status == 503:
        return "**503**"
    if answer.status < 300 and answer.body.get("stale"):
        return "**stale**"
    return answer.says.removeprefix("200 ")
