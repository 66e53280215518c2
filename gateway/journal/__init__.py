"""The gateway's journal: each job's record, its events, and the outcome of each document and tile.

What stands here is what callers are told. Every write of a running job carries the epoch under which its
gateway holds it, so that a gateway that lost its lease can write nothing.
"""
