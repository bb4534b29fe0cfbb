"""The figures Comanda promises, measured: `python -m bench`, one file a figure."""
