"""Shop: an e-commerce backend, a modular monolith designed for service extraction."""

__version__ = "0.1.0"
