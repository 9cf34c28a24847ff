"""What stands behind a port."""
