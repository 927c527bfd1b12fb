"""The source of the instrumented backends; their blocking twins are generated from it."""
