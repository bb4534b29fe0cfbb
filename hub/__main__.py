"""`python -m hub`: the same as `comanda`, for children of this very interpreter."""

from hub.cli import app

app()
