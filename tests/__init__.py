"""The tests of redset."""
