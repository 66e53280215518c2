"""A stage's ledger: which steps exist, who wants them, who holds them, what came of them.

Celery is the doorbell, the ledger is the truth. Read in this order: `records` (the values), `commands` (the
transitions as values), `lua/` (what each does, atomically), `ledger` (running them).
"""
