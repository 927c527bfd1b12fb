"""The source of the backend that spreads sets over shards; its blocking twin is generated."""
