"""How many examples the properties are shown, and which.

Under the profile of every run they are the same each time: a run says what the change did, and not
how its dice fell. The profile `search` throws the dice, and more often (`tests/README.md`).
"""

from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is.
_ANY_MACHINE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

settings.register_profile("every run", _ANY_MACHINE, derandomize=True, max_examples=100)
settings.register_profile("search", _ANY_MACHINE, max_examples=1_000, print_blob=True)


def examples(share: float, *, steps: int = 50) -> settings:
    """Return the settings of a property that wants `share` of the profile's number of examples.

    `steps` bounds the steps of an example of a state machine.
    """
    wanted = round(share * settings().max_examples)
    return settings(max_examples=max(1, wanted), stateful_step_count=steps)
