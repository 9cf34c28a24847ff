"""The catalogue and its stock."""
