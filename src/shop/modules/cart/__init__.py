"""Carts, their checkouts, and what they come to."""
