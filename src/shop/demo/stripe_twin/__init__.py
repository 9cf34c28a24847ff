"""A Stripe account in test mode that runs on this machine: real HTTP, real signatures, real persistence, no money.

The API is Stripe's (/v1), the pages are for people (/ and /pay/{id}), /twin is for tests. See `control` for faults and counts.
"""

from shop.demo.stripe_twin.app import create_app, serve_twin
from shop.demo.stripe_twin.settings import TwinSettings

__all__ = ["TwinSettings", "create_app", "serve_twin"]
