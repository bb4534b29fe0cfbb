"""Positions from the couriers' own apps, each in the app's format."""
