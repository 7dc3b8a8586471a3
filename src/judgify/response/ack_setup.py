"""Acknowledging from outside as the guide's channels ask for it: which webhooks and gateways may send."""

from collections.abc import Mapping
from pathlib import Path

from judgify.kit.clock import Clock
from judgify.response.acknowledge import Acknowledging
from judgify.response.api.acknowledge import AckIntake, PagerDutyDoor, SmsDoor
from judgify.response.desk import Desk
from judgify.response.guide.people import PagerDutyChannel, SmsChannel
from judgify.response.guide.schema import Guide
from judgify.response.pager.channels import reference
from judgify.response.text_answer import TextAnswers
from judgify.response.ticket import Tickets


def ack_intake(
    guide: Guide, desk: Desk, tickets: Tickets, *, home: Path, environ: Mapping[str, str], clock: Clock
) -> AckIntake:
    """Give the ways in; channels that are switched off, or name no secret, have none."""
    persons = guide.contacts.persons
    return AckIntake(
        acknowledging=Acknowledging(desk, tickets, persons),
        answers=TextAnswers(desk, tickets, persons),
        pagerduty=tuple(
            PagerDutyDoor(channel.source, str(reference(channel.webhook_secret, home)))
            for channel in guide.channels.values()
            if isinstance(channel, PagerDutyChannel) and channel.enabled and channel.webhook_secret is not None
        ),
        sms={
            name: SmsDoor(
                token=str(reference(channel.reply.token, home)),
                header=channel.reply.header,
                number=channel.reply.number,
                text=channel.reply.text,
                once=channel.reply.id,
            )
            for name, channel in guide.channels.items()
            if isinstance(channel, SmsChannel) and channel.enabled and channel.reply is not None
        },
        clock=clock,
        environ=environ,
    )
