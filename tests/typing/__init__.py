"""What type checkers make of redset: ``python -m tests.typing`` holds five of them to it.

Nothing here runs. The files called ``positive_…`` must be free of errors; of those called
``negative_…``, exactly the lines that end in ``# wrong: …`` must have one.
"""
