"""The source of the set classes. Their blocking twins in ``_sync`` are generated from it."""
