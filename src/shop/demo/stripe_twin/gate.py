"""The way of every API request: key, parameters, faults, idempotency, one transaction, answer."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import msgspec
from litestar import Response
from litestar.enums import MediaType
from msgspec import Struct

from shop.demo.stripe_twin.answers import Answer, Answers, fingerprint
from shop.demo.stripe_twin.call import AnyRequest, Call, receive
from shop.demo.stripe_twin.events import CAUSE
from shop.demo.stripe_twin.expand import expanded
from shop.demo.stripe_twin.faults import FaultBox
from shop.demo.stripe_twin.ledger import Ledger
from shop.demo.stripe_twin.objects import API_VERSION, Cause
from shop.demo.stripe_twin.problems import StripeProblem
from shop.demo.stripe_twin.requests import RequestLog
from shop.demo.stripe_twin.settings import TwinSettings

log = logging.getLogger(__name__)

LOST = "answer_lost"
"""Set in the scope's state when the connection must break instead of an answer; see LostAnswers."""


class Refused(Struct, frozen=True):
    """A result that is an error although its effects stay: a decline is in the books."""

    status: int
    body: dict[str, Any]


Operation = Callable[[Call], object]


class Gate:
    """Answers API requests by running operations as Stripe would."""

    def __init__(self, settings: TwinSettings, ledger: Ledger, answers: Answers, faults: FaultBox, requests: RequestLog) -> None:
        """Answer over this ledger."""
        self._settings = settings
        self._ledger = ledger
        self._answers = answers
        self._faults = faults
        self._requests = requests

    async def answer(self, request: AnyRequest, operation: Operation, *, publishable: bool = False) -> Response[bytes]:
        """Run an operation for a request, at most once per idempotency key, and give what Stripe would answer."""
        call = await receive(request, self._settings, publishable=publishable)
        before = self._faults.takes_failure(call.method, call.path)
        if before in (429, 503):
            self._requests.note(call, before)
            raise _refusal(before)
        if not call.key:
            answer = await self._execute(call, operation, fails=before == 500)
            return await self._send(request, call, answer)
        print_ = fingerprint(call.method, call.path, call.form)
        kept = self._begin(call, call.key, print_)
        if kept:
            self._requests.note(call, kept.status, replayed=True)
            return await self._send(request, call, kept, replayed=True)
        try:
            answer = await self._execute(call, operation, fails=before == 500, print_=print_)
        finally:
            self._answers.end(call.key)
        return await self._send(request, call, answer)

    def _begin(self, call: Call, key: str, print_: str) -> Answer | None:
        try:
            return self._answers.begin(key, print_)
        except StripeProblem as problem:
            self._requests.note(call, problem.status)
            raise

    async def _execute(self, call: Call, operation: Operation, *, fails: bool, print_: str = "") -> Answer:
        if self._faults.now.hit(call.method, call.path):
            await asyncio.sleep(self._faults.now.slow_execution)
        token = CAUSE.set(Cause(call.id, call.key))
        try:
            return self._in_one_transaction(call, operation, fails, print_)
        except StripeProblem as problem:
            answer = Answer(problem.status, _encoded(problem.body()), call.id)
            if not (problem.kept and call.key):
                self._requests.note(call, answer.status)
                return answer
            with self._ledger.transaction():
                return self._noted(call, answer, print_)
        finally:
            CAUSE.reset(token)

    def _in_one_transaction(self, call: Call, operation: Operation, fails: bool, print_: str) -> Answer:
        with self._ledger.transaction():
            result = operation(call) if not fails or self._faults.now.fail_after_effect else None
            if fails:
                result = Refused(500, StripeProblem("An unknown error occurred", type="api_error").body())
            status = result.status if isinstance(result, Refused) else 200
            body = result.body if isinstance(result, Refused) else expanded(result, call.form.get("expand"), self._ledger)
            return self._noted(call, Answer(status, _encoded(body), call.id), print_)

    def _noted(self, call: Call, answer: Answer, print_: str) -> Answer:
        if call.key:
            self._answers.keep(call.key, print_, answer)
        self._requests.note(call, answer.status, executed=True)
        return answer

    async def _send(self, request: AnyRequest, call: Call, answer: Answer, *, replayed: bool = False) -> Response[bytes]:
        if self._faults.now.hit(call.method, call.path):
            await asyncio.sleep(self._faults.now.slow_answers)
        if self._faults.takes_loss(call.method, call.path):
            self._requests.lose(call.id)
            request.scope["state"][LOST] = True
        headers = {"Request-Id": call.id, "Stripe-Version": request.headers.get("stripe-version", API_VERSION)}
        if call.key:
            headers["Idempotency-Key"] = call.key
        if replayed:
            headers |= {"Idempotent-Replayed": "true", "Original-Request": answer.request}
        if answer.status == 500:
            headers["Stripe-Should-Retry"] = "false"
        return Response(answer.body, status_code=answer.status, media_type=MediaType.JSON, headers=headers)


def _refusal(status: int) -> StripeProblem:
    if status == 429:
        return StripeProblem("Request rate limit exceeded.", status=429, code="rate_limit")
    return StripeProblem("Stripe is temporarily unavailable.", status=503, type="api_error")


def _encoded(body: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(body), indent=2)
