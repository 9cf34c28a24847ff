"""Log lines say what happened and to which request, and never a secret or a person."""

import io
import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.kit import logs
from shop.kit.http import context, watch
from shop.kit.redaction import redacted

log = logging.getLogger("shop.test")
assert watch  # which lets every line tell of the request under way
WORD = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=16, max_size=40)
AROUND = st.text("abc XYZ019.,;:/()[]{}<>'\"\n=-_", max_size=12)
TOKEN = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", min_size=43, max_size=86).filter(
    lambda token: token.lower() != token != token.upper()
)


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Leave logging as it was found."""
    root, shop = logging.root, logging.getLogger("shop")
    before = (root.handlers, root.level, shop.level)
    yield
    root.handlers, root.level, shop.level = before
    logging.captureWarnings(False)


def written(form: str, level: str = "info") -> io.StringIO:
    """Configure logging to write into a text."""
    stream = io.StringIO()
    logs.configure(form, level, stream)
    return stream


def test_a_json_line_has_the_request_and_its_trace() -> None:
    """Whatever is logged while a request is answered can be found by its id."""
    stream = written("json")
    tokens = context.request_id.set("req-1"), context.traceparent.set("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    logs.line(log, logging.INFO, "letter sent", attempts=2)
    context.request_id.reset(tokens[0])
    context.traceparent.reset(tokens[1])
    said: dict[str, Any] = json.loads(stream.getvalue())
    assert said.pop("at").endswith("Z")
    assert said == {
        "level": "info",
        "logger": "shop.test",
        "message": "letter sent",
        "attempts": 2,
        "request_id": "req-1",
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
    }


def test_a_text_line_is_one_line_whatever_it_holds() -> None:
    """Nobody forges a second line by a line break, nor colours a terminal."""
    stream = written("text")
    log.warning("shipped %s", "x\n12:00:00.000 error forged \x1b[31m")
    (said,) = stream.getvalue().splitlines()
    assert "shipped x\\x0a12:00:00.000 error forged \\x1b[31m" in said
    assert "warning shop.test" in said


def test_a_traceback_is_written_but_not_its_secrets() -> None:
    """An exception's own text may quote what was sent."""
    stream = written("json")
    try:
        raise ValueError("postgresql://shop:pw@db failed\n[parameters: ('Ana Pérez', 'Calle 1')]\nDETAIL:  Key (name)=(Ana) exists.")
    except ValueError:
        log.exception("job failed")
    said = json.loads(stream.getvalue())
    assert "Traceback" in said["exception"]
    assert "postgresql://***@db failed" in said["exception"]
    assert not any(secret in stream.getvalue() for secret in ("pw", "Ana", "Calle"))


def test_the_level_counts_for_the_shop_only() -> None:
    """At debug the libraries stay quiet: httpx would log every URL."""
    stream = written("text", "debug")
    log.debug("ours")
    logging.getLogger("httpx").info("HTTP Request: GET http://x/?q=1")
    logging.getLogger("_granian").info("Spawning worker")
    assert len(stream.getvalue().splitlines()) == 1


def test_automatic_form_is_json_unless_a_terminal_reads_it() -> None:
    """A file or a pipe gets JSON."""
    stream = written("auto")
    log.info("x")
    assert json.loads(stream.getvalue())["message"] == "x"


SECRETS = {
    "a Stripe key": WORD.map(lambda word: f"sk_live_{word}"),
    "a webhook secret": WORD.map(lambda word: f"whsec_{word}"),
    "a client secret": WORD.map(lambda word: f"pi_3Q_secret_{word}"),
    "an access token": st.tuples(WORD, WORD, WORD).map(lambda words: "eyJ" + ".".join(words)),
    "a capability": TOKEN,
    "an address": WORD.map(lambda word: f"{word}@example.com"),
    "a private key": WORD.map(lambda word: f"-----BEGIN PRIVATE KEY-----\n{word}\n-----END PRIVATE KEY-----"),
}
PLACES = {
    "a bearer token": "Authorization: Bearer {}",
    "a password in JSON": '{{"email": 1, "password": "{}"}}',
    "a password in a dict": "{{'password': '{}'}}",
    "a token in a query": "GET /unsubscribe?token={} 200",
    "the password of a URL": "postgresql://shop:{}@db/shop",
    "a header": "x-cart-token: {}",
    "an assignment": "SHOP_INTERNAL_SECRET={}",
}


@given(st.sampled_from(sorted(SECRETS)).flatmap(lambda kind: SECRETS[kind]), AROUND, AROUND)
def test_a_secret_is_hidden_wherever_it_stands(secret: str, before: str, after: str) -> None:
    """Known kinds of secrets and addresses, in any surroundings that do not glue a letter to them."""
    core = secret.split("\n")[1] if "\n" in secret else secret
    assert core not in redacted(f"{before} {secret} {after}")


@given(st.sampled_from(sorted(PLACES.values())), WORD)
def test_a_value_is_hidden_where_secrets_stand(place: str, value: str) -> None:
    """Any text in a place for secrets."""
    assert value not in redacted(place.format(value))


@pytest.mark.parametrize("text", ["a" * 50_000, "?" * 50_000, "a@" * 20_000, "token:" * 9_000, "[parameters:" * 5_000, "-----BEGIN " * 5_000])
def test_no_text_keeps_the_process_busy(text: str) -> None:
    """What somebody sends may end up in a message; redacting it takes no more than a moment."""
    before = time.process_time()
    redacted(text)
    assert time.process_time() - before < 0.5


@pytest.mark.parametrize(
    "text",
    [
        "order 0193e4c2-5b0a-7c3e-9c1e-2f5d0c3b8a11 moved from NEW to RESERVED",
        "GET /api/v1/orders/{order_id} 200",
        'File "/usr/lib/python3.11/site-packages/sqlalchemy/ext/asyncio/engine.py", line 274, in begin',
        "products did not answer in 1 s",
        "token=None",
        "trace 0af7651916cd43dd8448eb211c80319c",
        "SHOP_DATABASE_URL is not reachable",
    ],
)
def test_what_an_operator_needs_stays(text: str) -> None:
    """Ids, routes, file names and reasons are no secrets."""
    assert redacted(text) == text
