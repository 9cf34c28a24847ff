"""HTTP exchanges written down so that two topologies can be compared: what differs by chance is replaced by the order in which it first appeared."""

import json
import re
from typing import Any

import httpx

CHANCE = {
    "id": re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    "number": re.compile(r"\bA-\d+\b"),
    "time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)"),
    "intent": re.compile(r"pi_\w+_secret_\w+"),
    "token": re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+|(?<![\w.-])[\w-]{40,}(?![\w.-])"),
    "tag": re.compile(r'(?:W/)?\\?"[\w-]{20,}\\?"'),
}
HEADERS = ("Content-Type", "Cache-Control", "Content-Language", "ETag", "Idempotent-Replayed", "Location", "Retry-After", "Vary", "WWW-Authenticate")


class Recording:
    """Hears every exchange of an HTTP client."""

    def __init__(self) -> None:
        """Begin with nothing heard."""
        self._heard: list[str] = []

    async def hear(self, answer: httpx.Response) -> None:
        """Write down one exchange; an event hook of httpx."""
        await answer.aread()
        asked = f"{answer.request.method} {answer.request.url.raw_path.decode()} {answer.request.content.decode(errors='replace')}"
        headers = [f"{name}: {answer.headers[name]}" for name in HEADERS if name in answer.headers]
        if asked.startswith("GET ") and self._heard and self._heard[-1].startswith(f"{asked}\n"):
            self._heard.pop()  # who waits looks again and again: how often is chance, what was seen at last is not
        self._heard.append("\n".join([asked, str(answer.status_code), *headers, _shown(answer)]))

    def exchanges(self) -> list[str]:
        """Give what was heard: each distinct id, token, time and order number is named by its order of first appearance."""
        names: dict[str, str] = {}
        return [_named(text, names) for text in self._heard]


def _named(text: str, names: dict[str, str]) -> str:
    for kind, pattern in CHANCE.items():
        for found in dict.fromkeys(pattern.findall(text)):
            number = sum(name.startswith(f"<{kind} ") for name in names.values()) + 1
            names.setdefault(found, f"<{kind}>" if kind == "time" else f"<{kind} {number}>")
        text = pattern.sub(lambda match: names[match[0]], text)
    return text


def _shown(answer: httpx.Response) -> str:
    if "json" not in answer.headers.get("Content-Type", ""):
        return answer.text
    body: Any = answer.json()
    if isinstance(body, dict):
        body.pop("request_id", None)
    return json.dumps(body, indent=1, sort_keys=True, ensure_ascii=False)
