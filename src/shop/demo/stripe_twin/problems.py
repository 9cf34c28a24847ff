"""Stripe's errors, in Stripe's shape.

StripeProblem
├── before execution, never kept under an idempotency key: authentication, validation, rate limit, conflicts of keys
└── raised while executing (`kept`): the same key gets the same answer again for a day
"""

from typing import Any


class StripeProblem(Exception):
    """An error as Stripe's API would answer it."""

    def __init__(self, message: str, *, status: int = 400, type: str = "invalid_request_error", kept: bool = False, **fields: Any) -> None:
        """Take the message and what else the error tells, such as code and param."""
        super().__init__(message)
        self.status = status
        self.kept = kept
        self.fields: dict[str, Any] = {name: value for name, value in fields.items() if value is not None} | {
            "message": message,
            "type": type,
        }

    def body(self) -> dict[str, Any]:
        """Give the JSON document of this error."""
        return {"error": self.fields}


def missing(kind: str, id: str, param: str | None = None) -> StripeProblem:
    """Give the 404 for an object that does not exist, or the 400 for a parameter that names one."""
    status = 404 if param in {"id", "intent", "refund", "charge"} else 400
    return StripeProblem(f"No such {kind}: '{id}'", status=status, code="resource_missing", param=param, kept=True)


def unexpected_state(message: str, intent: Any) -> StripeProblem:
    """Give the 400 for a step that the PaymentIntent's status forbids."""
    return StripeProblem(message, code="payment_intent_unexpected_state", payment_intent=intent, kept=True)


def missing_param(name: str) -> StripeProblem:
    """Give the 400 for a required parameter that was not sent."""
    return StripeProblem(f"Missing required param: {name}.", code="parameter_missing", param=name)


def wrong_key(given: str) -> StripeProblem:
    """Give the 401 for no API key or one that is not known; the key is shown only by its ends."""
    if not given:
        return StripeProblem("You did not provide an API key. Provide it in the Authorization header, using Bearer auth.", status=401)
    hidden = given[:8] + "*" * 8 + given[-4:] if len(given) > 16 else "*" * len(given)
    return StripeProblem(f"Invalid API Key provided: {hidden}", status=401)


def secret_key_required() -> StripeProblem:
    """Give the 403 for a publishable key where only the secret one is allowed."""
    message = "This API call cannot be made with a publishable API key. Please use a secret API key."
    return StripeProblem(message, status=403, code="secret_key_required")
