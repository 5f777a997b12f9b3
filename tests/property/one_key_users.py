"""What users may do next to the key, on either side, and the events that it raises."""

from collections.abc import Iterator
from typing import NamedTuple

from tests.property.one_key_rules import Delivery, Rules
from tests.property.one_key_state import Account, State, Step, with_one
from tests.property.one_key_values import NAMES, NO_TAGS, Instance, Message, Tags


class Deed(NamedTuple):
    """What a user does: in words, where, its number, the event that tells of it, and what for."""

    says: tuple[object, ...]
    side: int
    number: int
    message: Message
    account: Account


class Users:
    """The users under one set of rules."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def after(self, state: State) -> Iterator[Step]:
        """Yield everything that one of them can do."""
        number = self._rules.operations - state.operations + 1
        for side, current in enumerate(state.objects):
            yield from self._puts(state, side, number)
            if current is not None:
                yield self._deletes(state, side, number)
                yield from self._edits(state, side, current, number)
                yield from self._tags(state, side, current, number)
            if self._rules.has_history:
                yield from self._restores(state, side, number)
                yield from self._purges(state, side)

    def _puts(self, state: State, side: int, number: int) -> Iterator[Step]:
        for at in self._rules.stamps:
            put = Instance(number, 0, at, None, self._version(side, number))
            account = state.account if number == 1 else state.account._replace(tagged=None)
            messages = [Message.CREATED] + [Message.ECHO_PUT] * self._rules.by_hand
            for message in messages:
                who = "user puts" if message is Message.CREATED else "user puts by the sync user"
                yield self._put(state, Deed((who, put), side, number, message, account), put)

    def _deletes(self, state: State, side: int, number: int) -> Step:
        deleted = state.account.deleted | {state.seen[side]}
        account = state.account._replace(deleted=deleted, tagged=None)
        version = self._version(side, number)
        marker = Instance(0, 0, self._rules.stamps[0], None, version) if version else None
        deed = Deed(("user deletes",), side, number, Message.REMOVED, account)
        return self._put(state, deed, marker)

    def _edits(self, state: State, side: int, current: Instance, number: int) -> Iterator[Step]:
        """A user changes the metadata only, or the bytes only; either way our marker stays."""
        if not self._rules.has_edits:
            return
        for at in self._rules.stamps:
            version = self._version(side, number)
            # A listing shows an edit of the metadata only if it was in another second.
            later = at + 2 * number if self._rules.delivery is Delivery.FINDER else at
            edited = [current._replace(edit=number, at=later, version=version, restored=0)]
            if current.marker:
                edited.append(Instance(number, 0, at, current.marker, version))
            for instance in edited:
                says = ("user edits", instance)
                deed = Deed(says, side, number, Message.CREATED, state.account)
                yield self._put(state, deed, instance)

    def _tags(self, state: State, side: int, current: Instance, number: int) -> Iterator[Step]:
        """A user adds a tag, or takes all of them off."""
        if not self._rules.has_tags:
            return
        for tags in {current.tags | {number}, NO_TAGS} - {current.tags}:
            tagged = (current._replace(tags=tags), *state.histories[side][1:])
            after = state._replace(
                histories=with_one(state.histories, side, tagged),
                operations=state.operations - 1,
                account=_with_tags(state.account, side, tags),
            )
            says = ("user tags", tagged[0], "at", NAMES[side])
            yield Step(says, self._with_event(after, side, Message.TAGGED))

    def _restores(self, state: State, side: int, number: int) -> Iterator[Step]:
        """A user copies an old version on top, with all of its metadata, or undoes a delete."""
        history = state.histories[side]
        account = state.account
        for old in dict.fromkeys(old for old in history[1:] if old.content):
            known = account._replace(restored=account.restored | {(number, old.operation)})
            for at in self._rules.stamps:
                version = self._version(side, number)
                top = old._replace(at=at, version=version, restored=number)
                deed = Deed(("user restores", top), side, number, Message.CREATED, known)
                yield self._put(state, deed, top)
        if history[1:] and not history[0].content and history[1].content:
            below = history[1]
            known = account._replace(restored=account.restored | {(number, below.operation)})
            shown = (below._replace(restored=number), *history[2:])
            undeleted = state._replace(histories=with_one(state.histories, side, shown))
            told = ("user removes the delete marker above", below)
            yield self._done(undeleted, Deed(told, side, number, Message.REMOVED, known))

    def _purges(self, state: State, side: int) -> Iterator[Step]:
        """A user removes a version that is not current."""
        history = state.histories[side]
        for old in history[1:]:
            if old.content:
                left = tuple(each for each in history if each is not old)
                account = state.account
                after = state._replace(
                    histories=with_one(state.histories, side, left),
                    operations=state.operations - 1,
                    account=account._replace(buried=account.buried - {old.value}),
                )
                says = ("user purges", old, "at", NAMES[side])
                yield Step(says, self._with_event(after, side, Message.REMOVED))

    def _put(self, state: State, deed: Deed, top: Instance | None) -> Step:
        return self._done(state.with_top(deed.side, top), deed)

    def _done(self, state: State, deed: Deed) -> Step:
        side = deed.side
        after = state._replace(
            seen=with_one(state.seen, side, state.seen[side] | {deed.number}),
            operations=state.operations - 1,
            account=deed.account,
        )
        says = (*deed.says, "at", NAMES[side])
        return Step(says, self._with_event(after, side, deed.message))

    def _with_event(self, state: State, side: int, message: Message) -> State:
        if self._rules.delivery is not Delivery.EVENTS:
            return state
        return state.with_due(side, frozenset({message}))

    def _version(self, side: int, number: int) -> str | None:
        return f"u{number}" if side in self._rules.versioned else None


def _with_tags(account: Account, side: int, tags: Tags) -> Account:
    if account.tagged is None:
        return account
    sides, _ = account.tagged
    return account._replace(tagged=(sides | {side}, tags))
