"""A workflow as its author writes it: input, tables, result, criteria for a model, and the actions that follow."""

from typing import Any, Literal

import msgspec

Strategy = Literal["rule_first", "llm_first", "parallel", "consensus"]
"""How rules and model share the work; without a model the rules answer alone, and the answer says so."""
ColumnType = Literal["number", "integer", "string", "boolean", "date", "date-time"]
ActionType = Literal["webhook", "slack", "email", "notify"]


class FileColumn(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One column of a file: a text is read as `type` and given to the tables as `name`.

    Attributes:
        name: The name in the input object; also a header that is recognised.
        type: What the text is read as. A text that cannot be read so stays a text, and comes out not evaluable.
        aliases: Other headers that mean the same column.
        ignore: The column is left out of the input, as a verdict that a person wrote beside the readings is.
    """

    name: str
    type: ColumnType = "string"
    aliases: list[str] = []
    ignore: bool = False


class FileForm(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """How a CSV row becomes an input object. Columns that are not named here stay texts under their header."""

    columns: list[FileColumn] = []


class ResultRef(msgspec.Struct, forbid_unknown_fields=True):
    """Which output of which table is the workflow's result."""

    table: str
    output: str


class LlmCriteria(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What a language model is told to judge by.

    Attributes:
        criteria: The instructions, in the author's own words.
        model: Another model than the installation's (`JUDGIFY_LLM_MODEL`).
        output_schema: JSON Schema of a result; without it the model may answer what the result column may hold.
    """

    criteria: str
    model: str | None = None
    output_schema: dict[str, Any] | None = None


class ActionRule(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What to do when the result is one of some.

    Attributes:
        when: A FEEL unary test over the result (`"NG"`, `>= 3`), or a list of results.
        type: `webhook`, `slack`, `email` or `notify`.
        name: What people call it.
        target: The address of a webhook, the mail address of an `email`, the configured channel of a `slack` (`*` for
            every one) or of a `notify`.
        template: The body. Texts may hold `{{result}}`, `{{verdict}}`, `{{workflow}}`, `{{execution_id}}`,
            `{{created_at}}` and `{{input.NAME}}`; a text that is one such mark alone keeps the value's type.
        headers: Headers of a webhook. No secrets: name them as the action service documents.
    """

    when: str | list[Any]
    type: ActionType
    target: str
    template: dict[str, Any] | str
    name: str | None = None
    headers: dict[str, str] = {}


class WorkflowDocument(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A whole workflow. `plan.compile_document` says whether it is sound.

    Attributes:
        name: Unique, in any script; no slash, no control character, at most 100 characters.
        input_schema: JSON Schema 2020-12 of an object; `$ref` within the document only.
        tables: Decision tables in the form of `judgify.decision`; each may read the results of those before it.
        result: Which output is the workflow's result.
        life_safety: Lives may depend on what this workflow judges; notices then lead with 112 and 119.
    """

    name: str
    input_schema: dict[str, Any]
    tables: list[dict[str, Any]]
    result: ResultRef
    label: str | None = None
    description: str | None = None
    life_safety: bool = False
    files: FileForm = msgspec.field(default_factory=FileForm)
    llm: LlmCriteria | None = None
    strategy: Strategy = "rule_first"
    actions: list[ActionRule] = []
