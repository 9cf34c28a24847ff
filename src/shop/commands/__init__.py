"""One file per command of the `shop` command line; each has its click command under the name `command`."""
