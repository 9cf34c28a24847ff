"""A mailbox on this machine: a real SMTP server that keeps what it gets, and pages to read it. See `faults` for what tests can break."""

from shop.demo.mailbox.app import create_app, serve_mailbox

__all__ = ["create_app", "serve_mailbox"]
