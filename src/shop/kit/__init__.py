"""Building blocks that know nothing of commerce modules."""
