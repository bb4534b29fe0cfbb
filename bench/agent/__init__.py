"""The agent's figures: what Comanda adds to a model, and how much of one it bears."""
