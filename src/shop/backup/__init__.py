"""Backups of a shop on SQLite: made while it sells, restored while it stands still; docs/backup.md says how and why."""


class CannotBackUp(RuntimeError):
    """There is no backup now; the message is one line for people."""


class CannotRestore(RuntimeError):
    """Nothing was restored; the message is one line for people."""
