"""Servers and folders that tests stand on."""
