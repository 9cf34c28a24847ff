"""A mail server in memory."""

from collections import Counter
from typing import Literal

from shop.kit.transactions import assert_no_transaction
from shop.ports.mail import Delivery, Mail, Message, Outcome


class FakeMail(Mail):
    """Keeps what it accepted in `inbox`; `next_outcomes` says how the coming deliveries end, then all are accepted.

    A permanent refusal says that the address is gone, unless it is one of those that are `disliked`: there only the mail is refused.
    An unknown outcome loses the mail, or with `unknown_arrives` delivers it all the same.
    """

    def __init__(self) -> None:
        """Start with an empty inbox."""
        self.inbox: list[Message] = []
        self.next_outcomes: list[Outcome] = []
        self.refused: dict[str, Outcome] = {}
        self.disliked: set[str] = set()
        self.unknown_arrives = False
        self.tries: Counter[str] = Counter()
        self.wrong: list[str] = []

    async def send(self, *, message: Message) -> Delivery:
        """See Mail."""
        assert_no_transaction("Mail.send")
        self.tries[message.message_id] += 1
        outcome = self.refused.get(message.recipient) or (self.next_outcomes.pop(0) if self.next_outcomes else Outcome.ACCEPTED)
        if outcome is Outcome.ACCEPTED or (outcome is Outcome.UNKNOWN and self.unknown_arrives):
            self.inbox.append(message)
        return Delivery(outcome, ANSWERS[outcome], gone=outcome is Outcome.PERMANENT and message.recipient not in self.disliked)

    async def check(self) -> list[str]:
        """See Mail."""
        assert_no_transaction("Mail.check")
        return self.wrong

    def to(self, recipient: str) -> list[Message]:
        """Give what a recipient got, oldest first."""
        return [message for message in self.inbox if message.recipient == recipient]

    def fail_next(self, outcome: Literal[Outcome.TRANSIENT, Outcome.PERMANENT, Outcome.CONFIGURATION, Outcome.UNKNOWN], times: int = 1) -> None:
        """Let the coming deliveries end like this."""
        self.next_outcomes += [outcome] * times


ANSWERS = {
    Outcome.ACCEPTED: "250 accepted",
    Outcome.TRANSIENT: "451 try again later",
    Outcome.PERMANENT: "550 no such mailbox",
    Outcome.CONFIGURATION: "535 authentication failed",
    Outcome.UNKNOWN: "the connection broke after the mail was sent",
}
