"""A job's way through the stages, under the lease of one gateway."""
