"""The source of the Redis backend. Its blocking twin in ``_sync`` is generated from it."""
