"""Authentication and authorization: tokens, PINs, staff accounts and access to rooms."""
