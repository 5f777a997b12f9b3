"""Uploads to the peer that earlier evaluations have begun: whether they stand, and their end."""

from sync_core.stack import Stack


def stands(stack: Stack, key: str, upload_id: str) -> bool:
    """Tell whether an upload to the peer was neither completed nor aborted."""
    shared = stack.sharing.ledger.read(upload_id) if stack.sharing is not None else None
    # Nobody completes an upload of which the ledger lacks a part.
    if shared is not None and shared.ended is None and not shared.is_whole:
        return True
    return stack.sides.peer.list_parts(key, upload_id, limit=1) is not None


def give_up(stack: Stack, key: str, upload_id: str, how: str) -> None:
    """Throw an upload to the peer away, whatever became of it; a complete one is gone already."""
    stack.sides.peer.abort_multipart_upload(key, upload_id)
    if stack.sharing is not None:
        stack.sharing.ledger.end(upload_id, how, stack.now())
