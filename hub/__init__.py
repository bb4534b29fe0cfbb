"""Comanda's hub: an event log in Redis, and the gateways through which clients read and write it."""

__version__ = "0.1.0"
