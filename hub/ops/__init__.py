"""Operations: serving, supervision, doctor, backups, and periodic checks."""
