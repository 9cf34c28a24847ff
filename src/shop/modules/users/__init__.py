"""Who buys and who works here: accounts, sessions, addresses and consents."""
