"""Comanda's hub: an event log in Redis and every door through which it is read and written."""

__version__ = "0.1.0"
