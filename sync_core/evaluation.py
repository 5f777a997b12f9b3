"""One key on its way through a batch: what was read, what is to be written, what became of it."""

from sync_core.agreement import (
    NO_PAIR,
    Agreement,
    agreed,
    agreed_tags,
    as_read,
    gone,
    is_news,
    left_open,
    noted,
    received,
    says_more,
)
from sync_core.blocked import noting_blocked, put_aside
from sync_core.errors import Archived
from sync_core.gather import Look, close, grace_left_seconds, look_at
from sync_core.in_hand import KeyInHand
from sync_core.large import UnderWay
from sync_core.model import (
    Action,
    Conflict,
    Copy,
    CopyTags,
    Delete,
    Link,
    Side,
    Skip,
    SkipReason,
    Unsure,
)
from sync_core.safety import Change, contents_of
from sync_core.tagging import look_at_tags, tags_agreed
from sync_core.transfer import Copied, copy_object, delete_object

_LEFT_TO_PEER = frozenset({SkipReason.PEER_ACTS, SkipReason.PEER_WINS})


class Evaluation(KeyInHand):
    """The evaluation of one key, for all of its events in hand; for one thread at a time."""

    def examine(self) -> None:
        """Read and decide; afterwards the evaluation is closed or wants to act."""
        first, self._is_first = self._is_first, False
        self._claim.see_upload()
        if first:
            self._say.report_echoes(self._occasion.echoes)
            if self._occasion.is_receipt and self._acknowledge_echo():
                return
        try:
            with noting_blocked(self._stack, self.draft):
                record, events = self.draft.require(), self._occasion.events
                look = look_at(self._stack, record, events, first=first)
        except Archived:
            self._put_aside()
        else:
            self._dispose(look)

    def claim(self) -> None:
        """Take the lease and, before an object is put, note the intent."""
        look = self._require_look()
        to = look.verdict.to if isinstance(look.verdict, Copy | Conflict) else None
        self._claim.take(look.evidence, to, upload_stands=look.upload_stands)

    def act(self) -> None:
        """Carry the verdict out and note the outcome."""
        look = self._require_look()
        self._look = None
        verdict = look.verdict
        if isinstance(verdict, Copy | Conflict):
            self._copy(look, verdict)
        elif isinstance(verdict, Delete):
            deleted = delete_object(self._stack, verdict, self.draft.require())
            bucket = self._stack.sides.store(verdict.at).bucket
            action = Action.OBJECT_DELETED if deleted else Action.ACKNOWLEDGED
            self._say.report(action, bucket=bucket, row=verdict.row)
            lost = gone(self.draft.require(), look.evidence, *Side)
            self._agree(Agreement(NO_PAIR, lost))
        elif isinstance(verdict, CopyTags):
            self._copy_tags(look, verdict)
        elif isinstance(verdict, Skip):
            # Tags have no conditional write: only the claim shows that the record was not stale.
            self._leave_to_peer(verdict.row, verdict.reason)
            self._close()

    def _copy(self, look: Look, verdict: Copy | Conflict) -> None:
        reader = look.reader if verdict.to is Side.PEER else None
        try:
            with noting_blocked(self._stack, self.draft):
                record = self.draft.require()
                copied = copy_object(self._stack, verdict, record, reader, self._claim)
        except Archived:
            self._put_aside()
            return
        if isinstance(copied, UnderWay):
            self._say.report(Action.SKIPPED, row=verdict.row, reason=SkipReason.UPLOAD_UNDER_WAY)
            self._close()
            return
        self._was_copied(look, verdict, copied)
        if copied.asks_for_tags:
            self.look_at_tags_again()

    def _put_aside(self) -> None:
        self._say.report(Action.SKIPPED, reason=put_aside(self._stack, self.draft))
        self._claim.withdraw()
        self._close()

    def _dispose(self, look: Look) -> None:
        """Close the evaluation, or keep the look for `act`."""
        verdict = look.verdict
        if isinstance(verdict, Copy | Conflict | Delete):
            self._look = look
            return
        close(look)
        if isinstance(verdict, Unsure):
            self._wait(look, verdict)
            return
        # The same snapshot may come again, and has to be waited out anew then.
        self.draft.change(waiting=None)
        if look.own is not None and look.peer is not None and look.evidence.link is not None:
            self._is_in_sync(look)
        elif verdict.row == 1:
            self._is_absent(look)
        elif isinstance(verdict, Skip) and verdict.reason is SkipReason.CONFLICT_LEFT_OPEN:
            self._leave_open(look)
        elif isinstance(verdict, Skip):
            self._leave_to_peer(verdict.row, verdict.reason)
            self._close()

    def _is_in_sync(self, look: Look) -> None:
        """Row 2: record the pair if that is news, and compare the tags where that is asked for."""
        record, evidence = self.draft.require(), look.evidence
        tags = agreed_tags(record, evidence)
        if self.asks_for_tags or evidence.link is Link.CONTENT:
            found = look_at_tags(self._stack, look, tags, self._occasion)
            if isinstance(found, Look):
                self._look = found
                return
            tags = found
        agreement = as_read(look.own, look.peer, evidence, tags, record)
        if evidence.recorded and not says_more(record, agreement):
            self._say.report(Action.SKIPPED, row=2, reason=SkipReason.IN_SYNC)
            self._close()
            return
        self._say.report(Action.ACKNOWLEDGED, row=2)
        self._agree(agreement)

    def _is_absent(self, look: Look) -> None:
        """Row 1: note the tombstone, unless nothing was ever known of the key."""
        record = self.draft.require()
        if look.evidence.recorded and record.intent is None:
            self._say.report(Action.SKIPPED, row=1, reason=SkipReason.BOTH_ABSENT)
            self._close()
            return
        self._say.report(Action.ACKNOWLEDGED, row=1)
        self._agree(Agreement(NO_PAIR, gone(record, look.evidence)))

    def _was_copied(self, look: Look, verdict: Copy | Conflict, copied: Copied) -> None:
        self._say.report_copy(verdict, copied.kept)
        if copied.kept is not None:
            pair = self._stack.sides.pair
            winner = (pair.own if verdict.to is Side.PEER else pair.peer).name
            note = noted(verdict.source, copied.kept, winner, self._stack.now())
            self.draft.change(conflict=note)
        if isinstance(verdict, Copy) and verdict.replaces is None:
            self.created = Change(self.key, contents_of(verdict.source), self._stack.now())
        if copied.pair is None:
            self.draft.change(
                intent=None
            )  # without a marker, only equal content can tell: look again
        else:
            lost = gone(self.draft.require(), look.evidence, verdict.to)
            self._agree(Agreement(copied.pair, lost))

    def _copy_tags(self, look: Look, verdict: CopyTags) -> None:
        store, record = self._stack.sides.store(verdict.at), self.draft.require()
        store.put_tags(self.key, verdict.tags)
        self._say.report(Action.TAGS_COPIED, bucket=store.bucket, row=verdict.row)
        tags = tags_agreed(verdict) or agreed_tags(record, look.evidence)
        self._agree(as_read(look.own, look.peer, look.evidence, tags, record))

    def _leave_open(self, look: Look) -> None:
        self._say.report(Action.CONFLICT_LEFT_OPEN, row=look.verdict.row)
        record, side = self.draft.require(), self._stack.sides.pair.own.name
        self.draft.put(left_open(record, look.own, look.peer, side, self._stack.now()))
        self._close()

    def _leave_to_peer(self, row: int, reason: SkipReason) -> None:
        """Have the peer's stack look at the key, unless it was that stack that asked."""
        self._say.report(Action.SKIPPED, row=row, reason=reason)
        if reason in _LEFT_TO_PEER:
            self._nudge(row)

    def _nudge(self, row: int) -> None:
        nudge = self._stack.context.nudge
        if nudge is not None and not self._occasion.is_from_peer:
            nudge(self.key)
            self._say.report(Action.PEER_NUDGED, row=row)

    def _wait(self, look: Look, verdict: Unsure) -> None:
        waiting = look.waiting
        if waiting is None:
            raise AssertionError("an unsure verdict says since when")
        if self.draft.require().waiting != waiting:
            self._nudge(verdict.row)
        self.draft.change(waiting=waiting)
        left_seconds = grace_left_seconds(self._stack, waiting)
        self.defer(left_seconds, "waits for the peer's evidence", verdict.row)

    def _acknowledge_echo(self) -> bool:
        """Record what our own side received, from one HEAD; False where more has to be read."""
        own, record = self._stack.sides.own.head(self.key), self.draft.require()
        # That nothing is here proves nothing of the peer: the key pair is no secret of ours alone.
        agreement = received(own, self._stack.sides.pair, record) if own is not None else None
        if agreement is None:
            return False
        if is_news(record, agreement):
            self._say.report(Action.ACKNOWLEDGED)
            self._agree(agreement)
        else:
            self._say.report(Action.SKIPPED, reason=SkipReason.IN_SYNC)
            self._close()
        return True

    def _agree(self, agreement: Agreement) -> None:
        """Both sides agreed: record it, and be done."""
        expires_at = self._stack.in_seconds(self._stack.settings.tombstone_seconds)
        self.draft.put(agreed(self.draft.require(), agreement, expires_at))
        self._close()
