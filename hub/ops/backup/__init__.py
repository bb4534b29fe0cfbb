"""Backups of a data folder: made while the hub serves, and restored while it does not. See docs/backup.md."""
