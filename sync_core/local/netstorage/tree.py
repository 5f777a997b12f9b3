"""What is stored: an object store whose names look like paths.

A file or symbolic link has the key `1234/dir/name`, an explicit directory `1234/dir/` with the
slash, so that a directory and a file of the same name stand side by side. A directory that only
follows from the keys below it is implicit. Keys are bytes and sort as such, which is the order of
`list` ("The "list" action (NS4)" and "The "dir" action (NS4)" of the developer guide).
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, replace
from threading import RLock

from sync_core.local.netstorage.bodies import Body

SLASH = b"/"


@dataclass(frozen=True, slots=True)
class File:
    """A stored file; `modified_at` is in seconds since 1970."""

    body: Body
    modified_at: int


@dataclass(frozen=True, slots=True)
class Symlink:
    """A symbolic link; `target` is as it was given."""

    target: bytes
    modified_at: int


@dataclass(frozen=True, slots=True)
class Directory:
    """An explicit directory, or one that follows from what is below it."""

    modified_at: int
    implicit: bool = False


Node = File | Symlink | Directory


@dataclass(frozen=True, slots=True)
class Usage:
    """How much is below a directory; an explicit directory counts as a file of no bytes."""

    files: int
    size_bytes: int


class Tree:
    """All keys of all CP codes; `roots` are those, explicit directories that are always there.

    Every method takes the lock; who needs several to be one takes `lock` around them.
    """

    def __init__(self, roots: set[str], created_at: int) -> None:
        self.lock = RLock()
        self._nodes: dict[bytes, Node] = {}
        self._keys: list[bytes] = []
        self._roots = {root.encode(): Directory(created_at) for root in roots}

    def leaf(self, key: bytes) -> File | Symlink | None:
        """Return the file or symbolic link at `key`."""
        with self.lock:
            found = self._nodes.get(key)
        return None if isinstance(found, Directory) else found

    def directory(self, path: bytes) -> Directory | None:
        """Return the directory `path` (without a slash at its end), explicit or implicit."""
        with self.lock:
            explicit = self._nodes.get(path + SLASH) or self._roots.get(path)
            if isinstance(explicit, Directory):
                return explicit
            times = [node.modified_at for _, node in self.below(path)]
        return Directory(max(times), implicit=True) if times else None

    def below(self, path: bytes) -> list[tuple[bytes, Node]]:
        """Return what is below the directory `path`, in order, itself not included."""
        prefix = path + SLASH
        return [each for each in self.between(prefix, path + b"0") if each[0] != prefix]

    def between(self, start: bytes, end: bytes | None) -> list[tuple[bytes, Node]]:
        """Return the keys from `start` on and before `end` (None: to the last), in order."""
        with self.lock:
            first = bisect_left(self._keys, start)
            last = len(self._keys) if end is None else bisect_left(self._keys, end)
            return [(key, self._nodes[key]) for key in self._keys[first:last]]

    def children(self, path: bytes) -> Iterator[tuple[bytes, Node]]:
        """Yield the names directly in the directory `path`, in order, each with what it is."""
        with self.lock:
            found: set[tuple[bytes, bool]] = set()
            for key, _ in self.below(path):
                name, slash, _ = key[len(path) + 1 :].partition(SLASH)
                found.add((name, bool(slash)))
            for name, is_directory in sorted(found):
                key = path + SLASH + name
                node = self.directory(key) if is_directory else self._nodes[key]
                if node is not None:
                    yield name, node

    def usage(self, path: bytes) -> Usage:
        """Return how much is in the directory `path`."""
        with self.lock:
            nodes = [node for _, node in self.between(path + SLASH, path + b"0")]
        sizes = [node.body.size_bytes for node in nodes if isinstance(node, File)]
        return Usage(len(nodes), sum(sizes))

    def put(self, key: bytes, node: Node) -> None:
        """Store `node` in the place of what is there; a directory's key ends with a slash."""
        with self.lock:
            before = self._nodes.get(key)
            if before is None:
                insort(self._keys, key)
            self._nodes[key] = node
        _drop(before)

    def remove(self, key: bytes) -> bool:
        """Remove what is at `key`; return whether there was anything."""
        with self.lock:
            before = self._take(key)
        _drop(before)
        return before is not None

    def rename(self, key: bytes, destination: bytes) -> bool:
        """Move a file or symbolic link, over what is there; return whether there was one."""
        with self.lock:
            found = self.leaf(key)
            if found is not None and key != destination:
                self._take(key)
                self.put(destination, found)
        return found is not None

    def touch(self, key: bytes, modified_at: int) -> bool:
        """Set the time of a file, link or explicit directory; return whether there was one."""
        with self.lock:
            found = self._nodes.get(key)
            if found is not None:
                self._nodes[key] = replace(found, modified_at=modified_at)
        return found is not None

    def _take(self, key: bytes) -> Node | None:
        found = self._nodes.pop(key, None)
        if found is not None:
            del self._keys[bisect_left(self._keys, key)]
        return found


def _drop(node: Node | None) -> None:
    if isinstance(node, File):
        node.body.drop()
