"""Walks a CP code of Akamai NetStorage with `list`, page by page.

A listing begins at a path and goes on, in the order of ASCII, to the end of the CP code or to
`end`. The path has to exist: what is behind a key that is gone, or that never was there, is found
from a directory above it, and what came before is left out. A file's own path is no such place
unless its page begins with that very file: with a directory of the same name it could mean both.
Where the server says to go on is asked for as it stands, even a name that no key of ours has.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from sync_core.errors import Unavailable
from sync_core.model import MODIFIED_FORMAT, ListedObject
from sync_core.storage.netstorage_client import NetStorageClient
from sync_core.storage.netstorage_errors import Call
from sync_core.storage.netstorage_keys import key_of, path_of, starts_of, target_of, why_not
from sync_core.storage.netstorage_xml import FILE, Entry, ListPage, page_of

_PARAMETERS = {"format": "xml", "encoding": "utf-8", "mtime_all": "yes"}
_LAST_SECOND = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())


class Listing:
    """The files of a CP code whose keys begin with `prefix`, in the order in which they are listed.

    `client` returns the client to send the next request with, and `page_entries` is how many
    entries a page may have. Symbolic links, directories and files whose keys `why_not` does not let
    pass are left out.
    """

    def __init__(
        self,
        cpcode: str,
        client: Callable[[], NetStorageClient],
        page_entries: int,
        prefix: str,
    ) -> None:
        self._cpcode = cpcode
        self._client = client
        self._prefix = prefix
        self._folder = prefix[: prefix.rfind("/") + 1]
        # "0" comes right behind "/" (Usage API, list, end).
        end = f"{path_of(cpcode, self._folder[:-1])}0" if self._folder else None
        self._parameters = {**_PARAMETERS, "max_entries": page_entries, "end": end}
        self._missed: set[str] = set()

    def behind(self, start_after: str) -> Iterator[ListedObject] | None:
        """Return what comes behind a key; None where there is nothing to begin at at all."""
        position = max(self._folder, start_after)
        if not (position.startswith(self._prefix) or position < self._prefix):
            return iter(())
        first = self._page(position)
        return None if first is None else self._walk(first, start_after)

    def _walk(self, first: tuple[str, ListPage], last: str) -> Iterator[ListedObject]:
        found: tuple[str, ListPage] | None = first
        while found is not None:
            place, page = found
            # What a page repeats is left out; that it is out of order is for its reader to see.
            before = last
            for listed in filter(None, map(self._listed, page.entries)):
                if not listed.key.startswith(self._prefix):
                    if listed.key > self._prefix:
                        return
                elif listed.key > before:
                    yield listed
                    last = listed.key
            found = self._next(page, place)

    def _page(self, position: str, told: str | None = None) -> tuple[str, ListPage] | None:
        """Return a page that begins at the position or at a directory above it, and where.

        `told` is a place that the server has named itself, whatever its name is.
        """
        for place in starts_of(position):
            if not place.startswith(self._folder):
                continue
            if place != told and not self._can_be_asked_for(place):
                continue
            page = self._page_at(place)
            if page is not None and (place.endswith("/") or not place or self._is_at(place, page)):
                return place, page
        return None

    def _page_at(self, place: str) -> ListPage | None:
        path = path_of(self._cpcode, place) if place else f"{path_of(self._cpcode, '')}/"
        call = Call("list", place, target_of(path))
        answer = self._client().look(call, "list", self._parameters)
        if answer is None:
            return None
        try:
            return page_of(answer)
        except ValueError as error:
            raise Unavailable("list", place, str(error)) from error

    def _is_at(self, place: str, page: ListPage) -> bool:
        names = (key_of(self._cpcode, entry.name) for entry in page.entries)
        return next(names, None) == place

    def _can_be_asked_for(self, place: str) -> bool:
        return not place or why_not(self._cpcode, place.removesuffix("/")) is None

    def _next(self, page: ListPage, place: str) -> tuple[str, ListPage] | None:
        if page.resume is None:
            return None
        position = key_of(self._cpcode, page.resume)
        if position is None or _bytes_of(position) <= _bytes_of(place):
            raise Unavailable("list", place, f"the listing goes on at {page.resume!r}")
        found = self._page(position, told=position)
        if found is not None and found[0] != position:
            # From further above it comes to the same position, if that is not gone but refused.
            if position in self._missed:
                raise Unavailable("list", place, f"the listing cannot go on at {position!r}")
            self._missed.add(position)
        return found

    def _listed(self, entry: Entry) -> ListedObject | None:
        key = key_of(self._cpcode, entry.name)
        if entry.kind != FILE or key is None or why_not(self._cpcode, key) is not None:
            return None
        modified = instant_of(entry).strftime(MODIFIED_FORMAT)
        return ListedObject(key, entry.md5, entry.size_bytes, modified)


def _bytes_of(name: str) -> bytes:
    """Return what listings are sorted by; lone surrogates stand for bytes that are no UTF-8."""
    return name.encode(errors="surrogateescape")


def instant_of(entry: Entry) -> datetime:
    """Return the time of an entry; of one that is beyond the calendar, its end."""
    return datetime.fromtimestamp(min(max(entry.modified_at, 0), _LAST_SECOND), UTC)
