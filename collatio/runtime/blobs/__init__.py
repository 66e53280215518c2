"""The content-addressed blob store: bytes under their SHA-256, in a folder or an object store.

References travel, bytes stay here: nothing but a digest goes through Valkey, Celery or gRPC's small messages.
"""
