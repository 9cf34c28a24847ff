"""Orders, their payments, refunds and shipments."""
