"""The logs of a running `dualway local`: the files that its workers write."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sync_core.entries import Entry, Wanted, fields_of, instant_of
from sync_core.errors import ConfigError
from sync_core.local.ready_file import ReadyCloud


class GrowingFile:
    """A file that others append lines to; one that has become shorter is read from its start."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._position = 0
        self._rest = b""

    def new_lines(self) -> list[str]:
        """Return the lines completed since the last call; raises OSError."""
        with self.path.open("rb") as file:
            if self.path.stat().st_size < self._position:
                self._position, self._rest = 0, b""
            file.seek(self._position)
            grown = file.read()
        self._position += len(grown)
        *lines, self._rest = (self._rest + grown).split(b"\n")
        return [line.decode(errors="backslashreplace") for line in lines]


class FileLog:
    """A site's log in its worker's file, a `LogSource`."""

    poll_seconds = 0.2

    def __init__(self, site: str, path: Path) -> None:
        self.site = site
        self._file = GrowingFile(path)
        self._at: datetime | None = None

    def new_entries(self, wanted: Wanted) -> Iterator[Entry]:
        """Yield as `LogSource` says; raises ConfigError where the file cannot be read."""
        try:
            lines = self._file.new_lines()
            written_at = datetime.fromtimestamp(self._file.path.stat().st_mtime, UTC)
        except OSError as error:
            cause = f"{error.strerror}; is `dualway local` still running?"
            raise ConfigError("search the logs", str(self._file.path), cause) from error
        entries = [self._entry(line, written_at) for line in lines if line.strip()]
        # A worker's threads may write in another order than that of their entries' times.
        yield from sorted(filter(wanted.matches, entries), key=lambda each: each.at)

    def _entry(self, line: str, written_at: datetime) -> Entry:
        """Return the line as an entry; one of text is as old as the entry before it."""
        fields = fields_of(line)
        self._at = instant_of(fields) or self._at or written_at
        return Entry(self._at, self.site, line, fields)


def file_logs(cloud: ReadyCloud) -> list[FileLog]:
    """Return the log of each site of a local cloud."""
    return [FileLog(name, Path(site.log_file)) for name, site in cloud.sites.items()]
