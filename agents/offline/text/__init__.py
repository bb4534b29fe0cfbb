"""Words as people write them: spelled out, cut into clauses, and counted."""
