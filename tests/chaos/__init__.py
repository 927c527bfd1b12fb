"""The proof that claimed work survives what kills workers, connections and replies.

``python -m tests.chaos`` runs it at large; the suite runs it at small size.
"""
