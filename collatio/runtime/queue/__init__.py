"""A stage's Celery queue, and the code on both of its sides.

Servers hold a `Dispatcher`: it submits steps to the ledger, rings Celery's bell, and wakes whoever waits.
Workers run messages with `work.run_message`: claim, do, commit. Nobody polls a result or blocks on one.
"""
