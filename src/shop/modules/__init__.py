"""Products, cart, sales and users: strictly bounded, they meet only at ports."""
