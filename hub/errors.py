"""Why a program of ours did not start, in one line for whoever started it."""


class CannotStart(Exception):
    """What is wrong, and with what."""
