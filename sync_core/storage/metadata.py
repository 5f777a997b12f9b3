"""User metadata as stores keep it, with our marker as one entry among the others."""

from collections.abc import Mapping

from sync_core.marker import METADATA_NAME


def with_marker(metadata: Mapping[str, str], marker: str | None) -> dict[str, str]:
    """Return the entries to store, names in lower case, the marker among them if there is one."""
    entries = {name.lower(): value for name, value in metadata.items()}
    return entries if marker is None else {**entries, METADATA_NAME: marker}


def split_marker(entries: Mapping[str, str]) -> tuple[dict[str, str], str | None]:
    """Return the user's own entries, names in lower case, and the marker's text."""
    metadata = {name.lower(): value for name, value in entries.items()}
    marker = metadata.pop(METADATA_NAME, None)
    return metadata, marker
