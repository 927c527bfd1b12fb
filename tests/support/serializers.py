"""Serializers that many tests use."""

__all__ = ["Numbers"]


class Numbers:
    """Items are whole numbers; a serializer as one may write it in two lines."""

    loads = int
    dumps = str
