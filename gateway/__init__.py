"""The front door: jobs, blobs, the state of the mesh; orchestration across the three stages.

Promises: an accepted job ends, whatever dies meanwhile, with an honest account of every document; asking twice
with one request id is asking once; what WatchJob tells has no gap. Read `server` for the methods, `run/` for a
job's way through the stages, `journal/` for what is kept.
"""
