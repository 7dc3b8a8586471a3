"""In which order drills run, so that the waits which the automation policy asks for pass while others run. Pure."""

from collections.abc import Mapping, Sequence

from judgify.drill.scenario import Scenario


def choose(left: Sequence[Scenario], waits: Mapping[str, float]) -> tuple[Scenario, float]:
    """Give the drill to run next, and the seconds to wait before it; `waits` is by the scenario's name.

    Of those that need not wait, one whose cure is a start goes first: its unit's ten minutes begin with it, and pass
    while the others run. When all have to wait, the one that waits least is next. `left` is not empty; its order
    decides among equals.
    """
    ready = [one for one in left if waits.get(one.name, 0.0) <= 0]
    if ready:
        return next((one for one in ready if one.starts_unit), ready[0]), 0.0
    soonest = min(left, key=lambda one: waits.get(one.name, 0.0))
    return soonest, waits[soonest.name]
