"""Every operation of the public API, fed with noise that looks nearly like what its schema asks for, answers what its document says."""

import json
import random
from typing import Any
from urllib.parse import quote

import httpx
from tests.fakes.images import FakeImages
from tests.fakes.mail import FakeMail
from tests.fakes.payments import FakePayments
from tests.support.pictures import picture

from shop import openapi
from shop.app import assemble
from shop.kit.identity import Verifier
from shop.kit.ids import uuid7
from shop.kit.problems import Unauthenticated
from shop.kit.secret import Secret
from shop.kit.tokens import new_signing_key
from shop.ports.images import ImageStore
from shop.ports.mail import Mail
from shop.ports.payments import Payments
from shop.settings import MODULES, Auth, Databases, Settings, Smtp, Stripe

DOCUMENT = json.loads(openapi.RECORDED.read_bytes())
OPERATIONS = [(path, method, operation) for path, methods in DOCUMENT["paths"].items() for method, operation in methods.items()]
ROUNDS = 4
TEXTS = ["", "a", "mug", "EUR", "ES", "ana@example.com", "café ☕", "%", "_", "'", '"', "\\", "*", "a:b", "NEAR(", "()", 300 * "x", "\u200b", "-1"]
TEXTS += ["\U0001f600", "null", "2026-01-01T00:00:00Z", "A-1001", "../..", "\r\n", "\x01", "\ufeff", "\u0130", "ﬀ"]
SAME = "0193d6cc-0000-7000-8000-000000000001"
NUMBERS = [0, 1, -1, 2, 100, 101, 2**31 - 1, 2**31, 2**53, 2**63 - 1, -(2**63), 2**63, 10**30, 1.5, 1e300]
USERS = {"staff": frozenset({"staff"}), "buyer": frozenset({"customer"}), "both": frozenset({"staff", "customer"})}
IDS = {name: uuid7() for name in USERS}


class Known:
    """Knows its tokens by name."""

    async def verify(self, token: str) -> Any:
        """Look it up."""
        if token not in USERS:
            raise Unauthenticated
        return IDS[token], USERS[token]


class Noise:
    """Makes values that nearly fit a schema."""

    def __init__(self, seed: int) -> None:
        """The same seed makes the same noise."""
        self.dice = random.Random(seed)

    def value(self, schema: dict[str, Any], depth: int = 0) -> Any:
        """Give a value of the schema, mostly."""
        if self.dice.random() < 0.06:
            return self.dice.choice([None, True, [], {}, *TEXTS, *NUMBERS, SAME])
        if "$ref" in schema:
            return self.value(DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]], depth)
        if "anyOf" in schema:
            return self.value(self.dice.choice(schema["anyOf"]), depth)
        if "enum" in schema:
            return self.dice.choice(schema["enum"])
        kinds = {"object": self._object, "array": self._array, "string": self._text, "integer": self._number, "number": self._number}
        make = kinds.get(schema.get("type", ""))
        return make(schema, depth) if make else self.dice.choice([None, True, False])

    def _object(self, schema: dict[str, Any], depth: int) -> Any:
        known = {name: self.value(part, depth + 1) for name, part in schema.get("properties", {}).items() if self._wanted(name, schema)}
        extra = schema.get("additionalProperties")
        return known | ({self.dice.choice(TEXTS): self.value(extra, depth + 1)} if isinstance(extra, dict) else {})

    def _wanted(self, name: str, schema: dict[str, Any]) -> bool:
        return self.dice.random() < (0.97 if name in schema.get("required", ()) else 0.5)

    def _array(self, schema: dict[str, Any], depth: int) -> Any:
        return [self.value(schema.get("items", {}), depth + 1) for _ in range(self.dice.choice([0, 1, 1, 2, 5]))]

    def _text(self, schema: dict[str, Any], depth: int) -> Any:
        if schema.get("format") == "uuid":
            return self.dice.choice([str(uuid7()), SAME])
        return self.dice.choice([*TEXTS, "mug", "mug", "EUR", "EUR", "ES", "ana@example.com", f"sku{self.dice.randrange(5)}", "correct horse"])

    def file(self) -> bytes:
        """Give a body that is no JSON: nearly a catalogue file, or nearly a picture."""
        lines = [",".join(json.dumps(self._text({}, 0)) for _ in range(4)) for _ in range(self.dice.randrange(5))]
        file = self.dice.choice(["\n".join(["product,title,sku,price", *lines, "mug,Mug,mug,1"]).encode(), picture(), picture(kind="GIF")])
        return self.dice.choice([file, file[: self.dice.randrange(len(file))], self.dice.randbytes(100)])

    def _number(self, schema: dict[str, Any], depth: int) -> Any:
        return self.dice.choice([*NUMBERS, schema.get("minimum", 0), schema.get("maximum", 5), 1, 2, 3])


async def send(client: httpx.AsyncClient, noise: Noise, path: str, method: str, operation: dict[str, Any]) -> httpx.Response:
    """Send one noisy request."""
    query, headers, target = {}, {}, path
    for parameter in operation.get("parameters", ()):
        value = noise.value(parameter["schema"])
        text = value if isinstance(value, str) else json.dumps(value)
        if parameter["in"] == "path":
            target = target.replace(f"{{{parameter['name']}}}", quote(text or "x", safe=""))
        elif parameter["in"] == "query" and noise.dice.random() < 0.5:
            query[parameter["name"]] = text
        elif parameter["in"] == "header" and noise.dice.random() < 0.7:
            headers[parameter["name"]] = text.encode("utf-8", "replace").replace(b"\r", b"").replace(b"\n", b"").decode("latin-1")
    if who := noise.dice.choice([None, "staff", "buyer", "both"]):
        headers["Authorization"] = f"Bearer {who}"
    body = operation.get("requestBody")
    content = None
    if body:
        headers["Content-Type"] = noise.dice.choice(list(body["content"]))
        schema = body["content"][headers["Content-Type"]]["schema"]
        content = noise.file() if schema.get("format") == "binary" else json.dumps(noise.value(schema)).encode()
    return await client.request(method.upper(), target, params=query, headers=httpx.Headers(headers, encoding="latin-1"), content=content)


async def test_no_noise_is_a_bug_and_no_status_is_undocumented(database_url: str) -> None:
    """On both databases, by everybody, some rounds of every operation, each time with other noise."""
    stripe, smtp = Stripe(Secret("sk_test"), "pk_test", Secret("whsec_test")), Smtp("localhost", 25, "shop@example.com")
    settings = Settings(databases=Databases(database_url), auth=Auth(signing_keys=(new_signing_key(),)), stripe=stripe, smtp=smtp)
    app = assemble(MODULES, settings, (Verifier, Known()), (Payments, FakePayments()), (Mail, FakeMail()), (ImageStore, FakeImages()), run_jobs=False)
    noise, wrong = Noise(random.randrange(2**32)), {}
    async with app.lifespan(), httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop.test") as client:  # type: ignore[arg-type]
        for path, method, operation in ROUNDS * OPERATIONS:
            answer = await send(client, noise, path, method, operation)
            declared = {404, *map(int, operation["responses"])}
            if answer.status_code >= 500 or answer.status_code not in declared:
                wrong[method, path, answer.status_code] = f"{answer.request.url} {answer.request.content[:300]!r} {answer.text[:300]}"
    assert wrong == {}
