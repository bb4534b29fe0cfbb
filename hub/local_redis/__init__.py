"""The private Redis of a hub that was given none: found, started and supervised."""
