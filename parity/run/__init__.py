"""A pair from start to end: from the policy to scenarios, runs, judgements and reports."""
