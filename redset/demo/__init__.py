"""The import graph of the standard library, crawled by several workers that share sets.

Run it with ``python -m redset.demo``. Every module found is added to a queue, most of them
many times over, and parsed exactly once, the smallest first. On ``memory://`` the workers
are threads; with ``--url redis://…`` they are processes, and whoever runs the program at
the same time on the same server shares the work. Modules are read, but never imported.

What a worker does with the sets is in `redset.demo.crawling`.
"""

from __future__ import annotations

from redset.demo.program import main

__all__ = ["main"]
