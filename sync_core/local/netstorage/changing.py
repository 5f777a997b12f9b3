"""The actions that change the tree, but for upload: delete, mkdir, rmdir, rename, symlink, mtime.

Decided here, because the documentation is silent: `mkdir` of a directory that is there succeeds,
`rmdir` of one that is not empty is answered with 409, `delete` and `rename` of a directory with
404, and `rename` and `symlink` take the place of what is there.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sync_core.local.netstorage.answers import Refusal
from sync_core.local.netstorage.paths import NodePath, raw_bytes
from sync_core.local.netstorage.tree import SLASH, Directory, Symlink, Tree
from sync_core.local.netstorage.uploads import seconds


@dataclass(frozen=True, slots=True)
class Change:
    """A changing action on a path; `at` is the time of it."""

    path: NodePath
    parameters: Mapping[str, str]
    at: int


class Changing:
    """Changes `tree`."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def apply(self, action: str, change: Change) -> str:
        """Do it, and return what is said of it; raises `Refusal`."""
        with self._tree.lock:
            {
                "delete": self._delete,
                "mkdir": self._mkdir,
                "rmdir": self._rmdir,
                "rename": self._rename,
                "symlink": self._symlink,
                "mtime": self._mtime,
                "quick-delete": self._quick_delete,
            }[action](change)
        return f"{action}: done"

    def _delete(self, change: Change) -> None:
        path = change.path
        if path.names_directory or self._tree.leaf(path.key) is None:
            raise Refusal(404, f"{path} is no file and no symbolic link")
        self._tree.remove(path.key)

    def _mkdir(self, change: Change) -> None:
        found = self._tree.directory(change.path.key)
        if found is None or found.implicit:
            self._tree.put(change.path.key + SLASH, Directory(change.at))

    def _rmdir(self, change: Change) -> None:
        path = change.path
        if self._tree.below(path.key):
            raise Refusal(409, f"{path} is not empty")
        if not self._tree.remove(path.key + SLASH):
            raise Refusal(404, f"{path} is no explicit directory")

    def _rename(self, change: Change) -> None:
        path = change.path
        destination = NodePath.parse(raw_bytes(_required(change, "destination")))
        if destination.cpcode != path.cpcode:
            raise Refusal(403, "the destination is outside of the CP code")
        if destination.names_directory or destination.is_root:
            raise Refusal(400, "the destination has to be the path of a file")
        if path.names_directory or not self._tree.rename(path.key, destination.key):
            raise Refusal(404, f"{path} is no file and no symbolic link")

    def _symlink(self, change: Change) -> None:
        if change.path.names_directory or change.path.is_root:
            raise Refusal(400, "a symbolic link needs the path of a file")
        target = raw_bytes(_required(change, "target"))
        modified_at = seconds(change.parameters, default=change.at)
        self._tree.put(change.path.key, Symlink(target, modified_at))

    def _mtime(self, change: Change) -> None:
        path = change.path
        modified_at = seconds(change.parameters)
        keys = [path.key + SLASH] if path.names_directory else [path.key, path.key + SLASH]
        if not any(self._tree.touch(key, modified_at) for key in keys):
            raise Refusal(404, f"{path} does not exist")

    def _quick_delete(self, change: Change) -> None:
        raise Refusal(403, f"quick-delete is not enabled for CP code {change.path.cpcode}")


def _required(change: Change, name: str) -> str:
    value = change.parameters.get(name)
    if not value:
        raise Refusal(400, f"{name} is required")
    return value
