"""Crawl the import graph of Python's standard library with several workers.

The program is installed with redset, so ``python -m redset.demo`` runs it, too. All that
its workers do with the sets is in `redset.demo.crawling`, two screens of code: a module is
brought in by ``add_new``, which tells whether it is new to everybody, waits in a queue, is
taken by one worker, and leads to more modules. The crawl is over when as many are parsed
as were found.

    python examples/crawl_imports.py
    python examples/crawl_imports.py json --order depth
    python examples/crawl_imports.py --url redis://localhost:6379
"""

from __future__ import annotations

import sys

from redset.demo import main

if __name__ == "__main__":
    sys.exit(main())
