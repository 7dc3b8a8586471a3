"""What the environment says about the model, read once and checked."""

from dataclasses import dataclass, field
from typing import Final, Literal

from judgify.kit.settings import Settings

PUBLIC_URL: Final = "https://api.openai.com/v1"
"""Where the client goes when only a key is given."""
NO_MODEL: Final = {
    "disabled": "the language model is switched off (ENABLE_LLM_ENGINE=false)",
    "unconnected": (
        "the language model is switched on, but none is connected: set OPENAI_BASE_URL or OPENAI_API_KEY, "
        "and JUDGIFY_LLM_MODEL"
    ),
}


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """The model's settings.

    Attributes:
        model: None when no endpoint or no model is named.
        timeout_s: Seconds that one judgment may spend on the model, waiting and repeats included.
        retries: Tries after the first one, within the same deadline.
        places: Judgments that may be with the model at once.
        waiting: Judgments that may stand in line for it; one more is answered by the rules at once.
        failures: Failures in a row that open the breaker.
        probe_s: Seconds until an open breaker looks at the endpoint again.
    """

    enabled: bool
    model: str | None
    base_url: str
    timeout_s: float
    retries: int
    places: int
    waiting: int
    failures: int
    probe_s: float
    tokens_day: int
    tokens_judgment: int
    tokens_answer: int
    allow: tuple[str, ...] = ()
    api_key: str | None = field(default=None, repr=False)

    @property
    def state(self) -> Literal["disabled", "unconnected", "ready"]:
        """Whether there is anything to ask."""
        if not self.enabled:
            return "disabled"
        return "unconnected" if self.model is None else "ready"

    @classmethod
    def read(cls, settings: Settings) -> "ModelConfig":
        """Read the settings; one that is out of bounds is `Invalid` and names its variable."""
        return cls(
            enabled=settings.enable_llm_engine,
            model=settings.llm_model,
            base_url=settings.openai_base_url or PUBLIC_URL,
            # Below the gateway's own limit on an answer, so that the rules' answer still arrives.
            timeout_s=float(settings.number("JUDGIFY_LLM_TIMEOUT_S", 8, 1, 25)),
            retries=settings.number("JUDGIFY_LLM_RETRIES", 1, 0, 5),
            places=settings.number("JUDGIFY_LLM_CONCURRENCY", 8, 1, 100),
            waiting=settings.number("JUDGIFY_LLM_QUEUE", 16, 0, 1_000),
            failures=settings.number("JUDGIFY_LLM_BREAKER_FAILURES", 3, 1, 100),
            probe_s=float(settings.number("JUDGIFY_LLM_PROBE_S", 5, 1, 300)),
            tokens_day=settings.number("JUDGIFY_LLM_TOKENS_PER_DAY", 1_000_000, 0, 10**12),
            tokens_judgment=settings.number("JUDGIFY_LLM_TOKENS_PER_JUDGMENT", 8_000, 500, 1_000_000),
            tokens_answer=settings.number("JUDGIFY_LLM_ANSWER_TOKENS", 1_024, 100, 100_000),
            allow=settings.egress_allow,
            api_key=settings.openai_api_key,
        )
