"""Vocabulary of every layer: errors, cursors and times. It imports nothing of the hub."""
