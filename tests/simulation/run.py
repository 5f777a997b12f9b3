"""Takes a plan's steps in the simulated cloud, brings it to rest, and judges what came of it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from sync_core.events import job_body
from sync_core.sharing import STALL_SECONDS
from tests.simulation import messages
from tests.simulation.cloud import Cloud, run_to_end, unchanged
from tests.simulation.invariants import Ending, violations
from tests.simulation.plan import USER_OPERATIONS, Fate, Fault, Plan, Step, What
from tests.simulation.stacks import SIDES, Wrap
from tests.simulation.tasks import Process
from tests.simulation.users import Users

_MOST_ROUNDS = 200
_MOST_FINDS = 6


@dataclass
class Result:
    """What a run came to; an empty `violations` is what is hoped for."""

    plan: Plan
    violations: list[str]
    trace: list[str]
    counts: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        told = [f"violated: {each}" for each in self.violations]
        return "\n".join(("plan:", str(self.plan), "", "trace:", *self.trace, "", *told))


class Run:
    """One plan under way. `wrap` and `drops_echoes` build a defect in; see `Cloud`."""

    def __init__(self, plan: Plan, wrap: Wrap = unchanged, *, drops_echoes: bool = False) -> None:
        self.plan = plan
        self.cloud = Cloud(plan.conditions, wrap, drops_echoes)
        self.users = Users(self.cloud)
        self.processes: list[Process] = []
        self.faults: Counter[Fault] = Counter()
        self.crashes = 0
        self.junk = 0
        self.tables_lost = 0
        self.is_restless = False
        self._taking: dict[What, Callable[[Step], None]] = {
            **dict.fromkeys(USER_OPERATIONS, self.users.do),
            What.START: self._start,
            What.GO: self._go,
            What.GO_TO_EFFECT: self._go_to_effect,
            What.FINISH: self._finish,
            What.WORK: self._work,
            What.CRASH: self._crash,
            What.FIND: self._start_finder,
            What.CLOCK: self._pass_time,
            What.SETTLE: self._settle_now,
            What.REDELIVER: self._redeliver,
            What.LOSE_TABLE: self._lose_table,
            What.SEND_JUNK: self._send_junk,
        }

    def result(self) -> Result:
        """Take all steps, come to rest, and judge."""
        for step in self.plan.steps:
            self.take(step)
        return self.end()

    def take(self, step: Step) -> None:
        """Take one step."""
        self.cloud.fate = step.fate
        self._taking[step.what](step)
        self.cloud.fate = Fate.SENT
        self.processes = [each for each in self.processes if not each.is_over]

    # --- the steps that are not a user's ---

    def _start(self, step: Step) -> None:
        self.cloud.mailboxes[step.side].turn = step.number
        process = self.cloud.worker(step.side, step.count)
        if process is not None:
            self.processes.append(process)

    def _start_finder(self, step: Step) -> None:
        self.processes.append(self.cloud.finder(step.side))

    def _chosen(self, step: Step) -> Process | None:
        return self.processes[step.number % len(self.processes)] if self.processes else None

    def _go(self, step: Step) -> None:
        process = self._chosen(step)
        if process is None:
            return
        for point in range(step.count):
            fault = step.fault if point == step.count - 1 else Fault.NONE
            if not process.step(step.number + point, fault):
                return
        self._note_fault(step.fault)

    def _go_to_effect(self, step: Step) -> None:
        """Stop where a write has had its effect and nobody knows it yet."""
        process = self._chosen(step)
        before = self.cloud.account.writes_of_stacks
        while process is not None and process.step(step.number, Fault.NONE):
            if self.cloud.account.writes_of_stacks != before:
                return

    def _work(self, step: Step) -> None:
        process = self.cloud.worker(step.side, 10)
        while process is not None:
            run_to_end(process)
            process = self.cloud.worker(step.side, 10)

    def _note_fault(self, fault: Fault) -> None:
        if fault is not Fault.NONE:
            self.faults[fault] += 1

    def _finish(self, step: Step) -> None:
        process = self._chosen(step)
        if process is not None:
            run_to_end(process)

    def _crash(self, step: Step) -> None:
        process = self._chosen(step)
        if process is not None:
            self.crashes += 1
            self.cloud.tell(f"{process.name} crashes before or after {process.main.call}")
            process.kill()

    def _settle_now(self, _step: Step) -> None:
        self._settle()

    def _settle(self) -> bool:
        for process in self.processes:
            run_to_end(process)
        return self.drain()

    def _pass_time(self, step: Step) -> None:
        self.cloud.now += timedelta(seconds=step.count)
        self.cloud.tell(f"{step.count} seconds pass")

    def _redeliver(self, step: Step) -> None:
        mailbox = self.cloud.mailboxes[step.side]
        if mailbox.settled:
            mailbox.send(mailbox.settled[step.number % len(mailbox.settled)])

    def _lose_table(self, step: Step) -> None:
        self.cloud.tell(f"the table of {step.side} is lost")
        self.tables_lost += 1
        table = self.cloud.tables[step.side]
        table.records.clear()
        table.controls.clear()
        self.cloud.account.forget()

    def _send_junk(self, step: Step) -> None:
        self.junk += 1
        junk = messages.JUNK[step.number % len(messages.JUNK)]
        self.cloud.mailboxes[step.side].send(junk)

    # --- the end ---

    def end(self) -> Result:
        """Bring everything to rest and judge."""
        cloud = self.cloud
        ending = Ending(self.plan, cloud, self.faults, self.crashes, self.junk, self.tables_lost)
        cloud.tell("--- no more steps: what is left is delivered")
        ending.comes_to_rest = self._settle()
        ending.is_equal_without_finder = ending.are_equal()
        ending.is_found_equal = self._find(self.run_finders) and not ending.visible_differences()
        ending.was_held = self._approve()
        ending.finds = self._find(self.run_finders) and self._find(self.look_at_everything)
        self._tidy()
        found = violations(ending, self)
        return Result(self.plan, found, cloud.trace, self._counts())

    def drain(self) -> bool:
        """Deliver all that is left, as time passes; False when that does not end."""
        mailboxes = self.cloud.mailboxes
        if self.is_restless:
            return False
        for _ in range(_MOST_ROUNDS):
            started = [self.cloud.worker(side, 10) for side in SIDES]
            for process in started:
                if process is not None:
                    run_to_end(process)
            if not any(started):
                coming = [mailboxes[side].next_at() for side in SIDES]
                times = [at for at in coming if at is not None]
                if not times:
                    return True
                self.cloud.now = max(self.cloud.now, min(times))
        self.is_restless = True
        return False

    def run_finders(self) -> None:
        """Run the finders of both sides, and what they hint at.

        By then a shared upload whose messages were never sent counts as stalled.
        """
        if self.plan.conditions.shared:
            self.cloud.now += timedelta(seconds=STALL_SECONDS)
        for side in SIDES:
            run_to_end(self.cloud.finder(side))
        self.drain()

    def look_at_everything(self) -> None:
        """Have both stacks look at every key, which a finder does not."""
        keys = {place[1] for place in self.cloud.account.shown}
        for table in self.cloud.tables.values():
            keys.update(table.records)
        for side in SIDES:
            self.cloud.mailboxes[side].send_many([job_body(key) for key in sorted(keys)])
        self.drain()

    def redeliver_everything(self) -> None:
        """Deliver the whole history of messages once more."""
        for side in SIDES:
            mailbox = self.cloud.mailboxes[side]
            mailbox.send_many(list(dict.fromkeys(mailbox.settled)))
        self.drain()

    def _tidy(self) -> None:
        """Let so much time pass that nobody goes on with an upload."""
        self.cloud.now += timedelta(days=8)
        for deployment in self.cloud.deployments.values():
            deployment.tidy()
        self.drain()

    def _approve(self) -> bool:
        """Release held deletes on both sides; tell whether there were any."""
        held = [side for side in SIDES if self.cloud.deployments[side].is_held]
        for side in held:
            self.cloud.tell(f"--- the operator of {side} approves")
            self.cloud.deployments[side].approve()
        return bool(held)

    def _find(self, find: Callable[[], None]) -> bool:
        """Repeat until nothing is written any more; False when that does not come."""
        for _ in range(_MOST_FINDS):
            before = self.cloud.account.writes_of_stacks
            self.cloud.tell(f"--- {find.__name__}")
            find()
            if self.cloud.account.writes_of_stacks == before:
                return True
        return False

    def _counts(self) -> Counter[str]:
        cloud, account = self.cloud, self.cloud.account
        counts = Counter[str](
            {
                "steps": len(self.plan.steps),
                "calls": cloud.calls,
                "user operations": self.users.operations,
                "sync writes": account.writes_of_stacks,
                "crashes": self.crashes,
                "junk": self.junk,
                "tables lost": self.tables_lost,
            }
        )
        counts.update({f"fault: {fault}": number for fault, number in self.faults.items()})
        counts.update({f"event: {fate}": number for fate, number in cloud.fates.items()})
        counts.update({f"outcome: {act}": number for act, number in cloud.outcomes.items()})
        counts.update({f"window {name}": number for name, number in account.windows.items()})
        return counts
