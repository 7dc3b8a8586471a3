"""Which orders are meant: the filter of lists, and of a replay of many."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from judgify.core.action.order import Type
from judgify.kit.clock import parse
from judgify.kit.errors import Invalid
from judgify.kit.text import Text


def _moment(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return parse(value)
    except Invalid as error:
        raise ValueError(error.detail) from error


Word = Annotated[Text, Field(min_length=1, max_length=300)]
Moment = Annotated[datetime, BeforeValidator(_moment)]
State = Literal["waiting", "done", "dead", "discarded"]


class Choice(BaseModel):
    """Orders that fit all that is given; nothing given takes all. Times are of acceptance; naive ones Asia/Seoul."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    state: State | None = None
    type: Type | None = None
    target: Word | None = None
    outcome: Word | None = None
    execution_id: Word | None = None
    workflow_id: Word | None = None
    since: Moment | None = None
    until: Moment | None = None

    def dead(self) -> Self:
        """Give the same choice among dead orders only."""
        return self.model_copy(update={"state": "dead"})

    def where(self) -> tuple[str, list[Any]]:
        """Give the condition in SQL, with parameters from $1, and their values."""
        tests = {
            "state = ": self.state,
            "type = ": self.type,
            "target = ": self.target,
            "last_outcome = ": self.outcome,
            "execution_id = ": self.execution_id,
            "workflow_id = ": self.workflow_id,
            "created_at >= ": self.since,
            "created_at < ": self.until,
        }
        given = [(test, value) for test, value in tests.items() if value is not None]
        conditions = [f"{test}${number}" for number, (test, _) in enumerate(given, 1)]
        return " AND ".join(conditions) or "true", [value for _, value in given]


def chosen(**given: object) -> Choice:
    """Give the choice of a list's parameters; `Invalid` names the one that cannot be read."""
    try:
        return Choice.model_validate(given)
    except ValidationError as error:
        entry = error.errors(include_input=False)[0]
        place = ".".join(map(str, entry["loc"]))
        raise Invalid(f"{place}: {entry['msg'].removeprefix('Value error, ')}", path=place) from None
