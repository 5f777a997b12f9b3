"""The actions that change nothing: stat, dir, list, du and download."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate

from sync_core.local.netstorage.answers import (
    DEFAULT_ENCODING,
    Answer,
    Attributes,
    Document,
    Refusal,
)
from sync_core.local.netstorage.bodies import Body
from sync_core.local.netstorage.paths import NodePath, raw_bytes
from sync_core.local.netstorage.tree import SLASH, Directory, File, Node, Symlink, Tree

PAGE_ENTRIES = 10_000
"""How many entries `list` gives at once where no fewer are asked for."""

_MAX_LINKS = 8
_LEAST = b"\0"
_ONE_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@dataclass(frozen=True, slots=True)
class Question:
    """A reading action on a path; `byte_range` is the Range header."""

    path: NodePath
    parameters: Mapping[str, str]
    byte_range: str | None = None

    @property
    def encoding(self) -> str:
        """The encoding that is asked for."""
        return self.parameters.get("encoding", DEFAULT_ENCODING)

    @property
    def max_entries(self) -> int | None:
        """How many entries are asked for; raises `Refusal` (400) where that is no number."""
        given = self.parameters.get("max_entries")
        if given is None:
            return None
        if not (given.isascii() and given.isdigit() and int(given)):
            raise Refusal(400, "max_entries has to be a number from 1 on")
        return int(given)


class Reading:
    """Answers questions about `tree`; `page_entries` is the most that `list` gives at once."""

    def __init__(self, tree: Tree, page_entries: int) -> None:
        self._tree = tree
        self._page_entries = page_entries
        self._resumes: set[bytes] = set()

    def answer(self, action: str, question: Question) -> Answer:
        """Return the answer; raises `Refusal`."""
        if question.parameters.get("format", "xml") != "xml":
            raise Refusal(400, "format has to be xml")
        return {
            "stat": self._stat,
            "dir": self._dir,
            "list": self._list,
            "du": self._du,
            "download": self._download,
        }[action](question)

    def _stat(self, question: Question) -> Answer:
        """A directory with a file's name is found with a slash after it, or by `slash=both`."""
        path, wanted = question.path, question.parameters
        found: list[Node] = []
        leaf = None if path.names_directory else self._tree.leaf(path.key)
        if leaf is not None:
            found.append(leaf)
        if leaf is None or wanted.get("slash") == "both":
            directory = self._tree.directory(path.key)
            if directory and (not directory.implicit or wanted.get("implicit") == "yes"):
                found.append(directory)
        if not found:
            raise Refusal(404, f"{path} does not exist")
        document = Document("stat", question.encoding, directory=path.parent)
        document.extend("file", (_of(node, path.name) for node in found))
        return document.answer()

    def _dir(self, question: Question) -> Answer:
        path = question.path
        self._require_directory(path)
        first, end = (self._name(question, limit) for limit in ("start", "end"))
        prefix = raw_bytes(question.parameters.get("prefix", ""))
        entries = [
            (name, node)
            for name, node in self._tree.children(path.key)
            if name.startswith(prefix) and name >= (first or b"") and (end is None or name <= end)
        ]
        shown = entries[: question.max_entries]
        document = Document("stat", question.encoding, directory=SLASH + path.key)
        document.extend("file", (self._entry(path, name, node) for name, node in shown))
        if len(shown) < len(entries):
            resume = SLASH + path.key + SLASH + entries[len(shown)][0]
            document.add("resume", {"start": resume})
        return document.answer()

    def _require_directory(self, path: NodePath) -> None:
        if self._tree.directory(path.key) is None:
            if self._tree.leaf(path.key) is not None:
                raise Refusal(412, f"{path} is no directory")
            raise Refusal(404, f"{path} does not exist")

    def _name(self, question: Question, limit: str) -> bytes | None:
        """Return a limit of `dir`: a name, or a whole path of which what is below the directory."""
        given = question.parameters.get(limit)
        if given is None:
            return None
        raw = raw_bytes(given).lstrip(SLASH)
        return raw.removeprefix(question.path.key + SLASH)

    def _entry(self, path: NodePath, name: bytes, node: Node) -> Attributes:
        if not isinstance(node, Directory):
            return _of(node, name)
        usage = self._tree.usage(path.key + SLASH + name)
        named: Attributes = {"type": "dir", "name": name}
        return {**named, "bytes": usage.size_bytes, "files": usage.files, **_of(node, name)}

    def _list(self, question: Question) -> Answer:
        """List from the path on, to the end of the CP code or to `end`.

        Names begin with the CP code, those of explicit directories end with a slash; implicit
        directories have no entry. The path has to exist, as what is at it or below it.
        """
        start = question.path.key + (SLASH if question.path.names_directory else b"")
        entries = self._range(question, start)
        limit = min(question.max_entries or self._page_entries, self._page_entries)
        document = Document("list", question.encoding)
        with_times = question.parameters.get("mtime_all") == "yes"
        document.extend("file", (_listed(*each, with_times=with_times) for each in entries[:limit]))
        if limit < len(entries):
            self._resumes.add(entries[limit][0])
            document.add("resume", {"start": SLASH + entries[limit][0]})
        return document.answer()

    def _range(self, question: Question, start: bytes) -> list[tuple[bytes, Node]]:
        """Return what is to be listed, up to `end` and with it.

        Where a page has said to go on is good although that has gone or is an empty directory.
        """
        path = question.path
        after = path.key.partition(SLASH)[0] + b"0"
        if "end" in question.parameters:
            end = raw_bytes(question.parameters["end"]).removeprefix(SLASH)
            after = min(after, end + _LEAST)
        if start in self._resumes:
            return self._tree.between(start, after)
        if not path.names_directory and self._tree.leaf(path.key) is not None:
            return self._tree.between(path.key, after)
        if not self._tree.below(path.key):
            raise Refusal(404, f"{path} does not exist or is empty")
        return self._tree.between(path.key + SLASH, after)

    def _du(self, question: Question) -> Answer:
        self._require_directory(question.path)
        usage = self._tree.usage(question.path.key)
        document = Document("du", question.encoding, directory=SLASH + question.path.key)
        document.add("du-info", {"files": usage.files, "bytes": usage.size_bytes})
        return document.answer()

    def _download(self, question: Question) -> Answer:
        file = self._file(question.path)
        headers = {
            "Accept-Ranges": "bytes",
            "Last-Modified": formatdate(file.modified_at, usegmt=True),
        }
        content_type = "application/octet-stream"
        span = _span(question.byte_range, file.body)
        if span is None:
            return Answer(200, file.body, content_type, headers)
        size = file.body.size_bytes
        headers["Content-Range"] = f"bytes {span[0]}-{span[1] - 1}/{size}"
        return Answer(206, file.body, content_type, headers, span)

    def _file(self, path: NodePath) -> File:
        """Return the file at `path`, or where its symbolic links lead."""
        for _ in range(_MAX_LINKS):
            leaf = None if path.names_directory else self._tree.leaf(path.key)
            if isinstance(leaf, File):
                return leaf
            if leaf is None:
                break
            path = NodePath.parse(_resolved(path, leaf))
        raise Refusal(404, f"{path} is no file")


def _resolved(path: NodePath, link: Symlink) -> bytes:
    """Return the path that a link leads to: its target, below the link's directory if relative."""
    if link.target.startswith(SLASH):
        return link.target
    return path.parent + SLASH + link.target


def _of(node: Node, name: bytes) -> Attributes:
    """Return the attributes of a node, in the documentation's order."""
    if isinstance(node, File):
        return {
            "type": "file",
            "name": name,
            "size": node.body.size_bytes,
            "md5": node.body.digests["md5"],
            "mtime": node.modified_at,
        }
    if isinstance(node, Symlink):
        return {"type": "symlink", "name": name, "target": node.target, "mtime": node.modified_at}
    implicit = {"implicit": "true"} if node.implicit else {}
    return {"type": "dir", "name": name, "mtime": node.modified_at, **implicit}


def _listed(key: bytes, node: Node, *, with_times: bool) -> Attributes:
    """Return an entry of `list`; times are given where they are asked for, by `mtime_all=yes`."""
    attributes = dict(_of(node, key))
    if not with_times:
        del attributes["mtime"]
    return attributes


def _span(byte_range: str | None, body: Body) -> tuple[int, int] | None:
    """Return the bytes of a single range; None is the whole. Raises `Refusal` (416)."""
    match = _ONE_RANGE.fullmatch(byte_range or "")
    if match is None or match.group(1) == match.group(2) == "":
        return None
    first, last = match.groups()
    size = body.size_bytes
    if first == "":
        start, end = max(size - int(last), 0), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
    if start >= end:
        raise Refusal(416, f"the file has {size} bytes")
    return start, end
