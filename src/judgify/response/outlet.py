"""What leaves this engine towards people, and what comes back: channels, their watching, acknowledging, codes."""

from judgify.kit.clock import Clock
from judgify.kit.metrics import Metrics
from judgify.kit.settings import Settings
from judgify.notify import Toolkit
from judgify.response.ack_setup import ack_intake
from judgify.response.api.acknowledge import AckIntake
from judgify.response.channel_book import Book, ChannelFigures
from judgify.response.channel_desk import ChannelDesk
from judgify.response.channel_watch import ChannelWatcher
from judgify.response.desk import Desk
from judgify.response.engine import Engine
from judgify.response.guide.check_canary import WAYS
from judgify.response.guide.schema import Guide
from judgify.response.heart import Heart
from judgify.response.pager.canary import Canaries, open_sinks
from judgify.response.pager.channels import open_channels
from judgify.response.pager.sender import Sender
from judgify.response.ticket import Tickets
from judgify.response.verification import Codes, Verification


class Outlets:
    """Everything about channels of one engine, put together around the guide."""

    def __init__(self, guide: Guide, kit: Toolkit, settings: Settings, metrics: Metrics, *, clock: Clock) -> None:
        """Open the guide's channels; `clock` is the engine's, the toolkit's is for what proves itself by time.

        Raises `Invalid` for a setting of a channel that cannot be used.
        """
        self._guide = guide
        self._kit = kit
        self._settings = settings
        self._metrics = metrics
        self.console = settings.console_url or settings.url("response")
        """Where people reach the console; links in messages begin with it."""
        self.channels = open_channels(guide.channels, kit, settings.home)
        self._tickets = Tickets(settings.service_secret)
        self._codes = Codes(settings.service_secret)
        real = [name for name in self.channels if WAYS[guide.channels[name].kind] is not None]
        self.book = Book(real, guide.watch, clock, ChannelFigures(metrics))
        sinks = open_sinks(guide, self.channels, kit, settings.home)
        self.canaries = Canaries(sinks, self.book, clock)
        self.sender = Sender(
            guide,
            self.channels,
            console_url=self.console,
            tickets=self._tickets,
            codes=self._codes,
            book=self.book,
        )

    def watcher(self, engine: Engine) -> ChannelWatcher:
        """Give the loop that watches the channels for an engine."""
        return ChannelWatcher(engine, self.book, self.canaries, self._guide)

    def intake(self, desk: Desk) -> AckIntake:
        """Give the ways in for acknowledging from outside."""
        kit, home = self._kit, self._settings.home
        return ack_intake(self._guide, desk, self._tickets, home=home, environ=kit.environ, clock=kit.clock)

    def verification(self, desk: Desk) -> Verification:
        """Give the handlers of contact methods' codes."""
        return Verification(desk, self._codes, self._guide)

    def desk(self, heart: Heart | None) -> ChannelDesk:
        """Give what answers questions about channels."""
        return ChannelDesk(self._guide, self.channels, self.book, self.canaries, heart)

    async def close(self) -> None:
        """Release what the channels hold open."""
        await self.sender.close()
        await self.canaries.close()
