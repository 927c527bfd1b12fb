"""What a type checker says of sets."""

import asyncio
from dataclasses import dataclass
from typing import assert_type

from redset import AsyncSortedSet, Claim, SortedSet, connect, connect_async
from redset.serializers import DataclassSerializer


@dataclass(frozen=True)
class Page:
    url: str
    depth: int


store = connect("memory://")

words = SortedSet(store, "words")
assert_type(words, SortedSet[str])
words.add("sun", 1)
words.add(1)  # wrong: an int is no str

pages = SortedSet(store, "pages", serializer=DataclassSerializer(Page))
assert_type(pages, SortedSet[Page])
pages.add(Page("/", 0))
assert_type(pages.peek(), Page)
pages.add("/")  # wrong: a str is no Page

with pages.claim() as claim:
    assert_type(claim, Claim[Page])
    print(claim.item.url)
    print(claim.item.title)  # wrong: a Page has no title


class Whole:
    """A serializer subclasses nothing: it has these two methods."""

    def dumps(self, item: int) -> str:
        return str(item)

    def loads(self, data: bytes) -> int:
        return int(data)


numbers = SortedSet(store, "numbers", serializer=Whole())
assert_type(numbers, SortedSet[int])


async def main() -> None:
    async with connect_async("memory://") as store:
        jobs = AsyncSortedSet(store, "jobs")
        assert_type(await jobs.add_new("a"), bool)
        assert_type(await jobs.pop(), str)
        SortedSet(store, "jobs")  # wrong: a blocking set on an asyncio store


asyncio.run(main())
