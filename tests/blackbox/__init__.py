"""What a stranger may expect of the shop: the public contract, checked from outside a running demo."""
