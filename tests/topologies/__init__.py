"""The proof that a set outlives what befalls clusters and primaries with replicas.

``python -m tests.topologies`` runs it at large; the suite runs it at small size.
"""
