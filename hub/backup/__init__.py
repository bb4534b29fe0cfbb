"""Copies of a data folder: made while the hub serves, and put back while it does not. See docs/backup.md."""
