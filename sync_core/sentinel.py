"""The sentinels: one small object of ours in each bucket, by which the buckets are recognised.

An emptied bucket, a re-created one and a wrong one look alike: nearly everything is gone from it.
Deletes that rest on such a sight must not be sent, and the sentinel is gone as well, or another.
"""

import io
import json

from sync_core.checksums import md5_of
from sync_core.errors import Blocked, PreconditionFailed, Unavailable, WriteConflict
from sync_core.model import ObjectVersion, Side
from sync_core.routing import OWN_PREFIX
from sync_core.stack import Sides
from sync_core.storage.protocol import ObjectWrite

SENTINEL_PREFIX = f"{OWN_PREFIX}sentinel-"
"""How the key of every sentinel begins."""

MOST_BYTES = 1024
"""More than any sentinel has; a larger object is none."""


def sentinel_key(site: str) -> str:
    """Return the key of the sentinels that the stack of the site of this name plants."""
    return f"{SENTINEL_PREFIX}{site}"


class Sentinels:
    """A stack's own two sentinels, `.dualway/sentinel-<own site>` in either bucket.

    Both have the same text, which names the pair of buckets and a number of the stack. Methods
    raise the stores' errors: what cannot be read is never taken for absent.
    """

    def __init__(self, sides: Sides) -> None:
        self._sides = sides
        self.key = sentinel_key(sides.pair.own.name)

    def plant(self, uuid: str) -> None:
        """Put a sentinel where there is none; one that is there stays as it is."""
        for side in Side:
            try:
                self._put(side, uuid, None)
            except PreconditionFailed:
                continue
            except WriteConflict as error:
                raise Unavailable("plant", self.key, "two workers plant at once") from error

    def replant(self, uuid: str) -> None:
        """Put the sentinel wherever it is not; raises `Stale` when another one does so too."""
        for side in self.strays(uuid):
            self._put(side, uuid, self._sides.store(side).head(self.key))

    def strays(self, uuid: str) -> tuple[Side, ...]:
        """Return the sides that do not show this sentinel."""
        return tuple(side for side in Side if self._text(side) != self._expected(uuid))

    def found(self) -> tuple[str, ...]:
        """Return the numbers of the sentinels that are there; "" stands for another pair's."""
        texts = (self._text(side) for side in Side)
        return tuple(self._uuid(text) for text in texts if text is not None)

    def _expected(self, uuid: str) -> str:
        return json.dumps({"pair": self._sides.pair.pair_id, "uuid": uuid})

    def _uuid(self, text: str) -> str:
        try:
            uuid = json.loads(text)["uuid"]
        except (ValueError, TypeError, KeyError):
            return ""
        return uuid if isinstance(uuid, str) and text == self._expected(uuid) else ""

    def _text(self, side: Side) -> str | None:
        """Return the text of what is there; None: nothing is."""
        try:
            reader = self._sides.store(side).get(self.key)
        except Blocked:
            return ""  # A sentinel that was archived is as good as another.
        if reader is None:
            return None
        with reader:
            return reader.read(MOST_BYTES).decode(errors="replace")

    def _put(self, side: Side, uuid: str, replaces: ObjectVersion | None) -> None:
        data = self._expected(uuid).encode()
        headers = {"content-type": "application/json"}
        write = ObjectWrite(self.key, len(data), headers, md5=md5_of(data))
        self._sides.store(side).put_if(write, io.BytesIO(data), replaces)
