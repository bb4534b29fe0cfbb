"""Orders: placing, advancing, cancelling and expiring them, and their limits."""
