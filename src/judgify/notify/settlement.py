"""From the outcome of a try to what follows: done, another try later, or dead; and what it says of the target."""

from judgify.kit.breaker import Fate
from judgify.kit.outbox import Claim, Settlement, backoff_s
from judgify.notify.outcome import Doubt, Outcome, Reason, Refused, Sent, Unknown, outcome_detail, outcome_label

_AILING: frozenset[str] = frozenset(
    {Reason.UNREACHABLE, Reason.TLS_FAILED, Reason.SERVER_ERROR, Reason.STORAGE_FAILED}
    | {Doubt.TIMEOUT, Doubt.CONNECTION_LOST, Doubt.PROXY_FAILED, Doubt.UNEXPECTED_ANSWER}
)
_UNTOUCHED: frozenset[str] = frozenset(
    {Reason.ADDRESS_REFUSED, Reason.MISCONFIGURED, Reason.NO_ADDRESS, Reason.HELD_BACK, Doubt.FAULT}
)


def settle(outcome: Outcome, claim: Claim) -> Settlement:
    """Decide what follows from an outcome.

    A refusal that no repeat can mend is dead at once; anything else is tried again while tries are left, not before
    the moment that the other side named (Retry-After, also for the target's other rows).
    """
    label, detail = outcome_label(outcome), outcome_detail(outcome)
    fate = fate_of(outcome)
    if isinstance(outcome, Sent):
        return Settlement("done", label, detail, fate=fate)
    asked = (outcome.retry_after_s if isinstance(outcome, Refused) else None) or 0.0
    if isinstance(outcome, Refused) and not outcome.retryable:
        return Settlement("dead", label, detail, fate=fate)
    if not claim.left:
        end = "nobody knows whether it arrived" if isinstance(outcome, Unknown) else "gave up"
        ended = f"{detail} ({end} after {claim.number} tries)"
        return Settlement("dead", label, ended, fate=fate, hold_s=asked)
    wait_s = max(asked, backoff_s(claim.number))
    return Settlement("waiting", label, detail, wait_s, fate=fate, hold_s=asked)


def fate_of(outcome: Outcome) -> Fate:
    """Tell what an outcome says of the target: a refusal of one message is a sign of life, a failure is not."""
    label = outcome_label(outcome)
    if label in _AILING:
        return "ailing"
    return "untouched" if label in _UNTOUCHED else "alive"
