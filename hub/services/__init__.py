"""What may be done here, one file a subject: may this principal do it, and what follows from it."""
