"""Small DMN files for tests, put together from parts."""

from html import escape

from judgify.decision.dmn import Model, read_model

MODEL = "https://www.omg.org/spec/DMN/20230324/MODEL/"


def dmn(*parts: str, namespace: str = "urn:test", model: str = MODEL, attributes: str = "") -> bytes:
    """Give a file with these elements."""
    head = f'<definitions xmlns="{model}" namespace="{namespace}" name="test" {attributes}>'
    return "\n".join([head, *parts, "</definitions>"]).encode()


def read(*parts: str) -> Model:
    """Read a file with these elements."""
    return read_model(dmn(*parts))


def literal(text: str, type_ref: str = "") -> str:
    """Give a literal expression."""
    return f"<literalExpression{_type(type_ref)}><text>{escape(text)}</text></literalExpression>"


def input_data(name: str, type_ref: str = "", identity: str = "") -> str:
    """Give an input, its id `i_` and its name without spaces."""
    variable = f'<variable name="{escape(name)}"{_type(type_ref)}/>'
    return f'<inputData id="{identity or "i_" + _id(name)}" name="{escape(name)}">{variable}</inputData>'


def decision(name: str, expression: str, requires: str = "", knows: str = "", type_ref: str = "") -> str:
    """Give a decision, its id `d_` and its name without spaces; what it requires are ids, parted by spaces."""
    needs = "".join(
        f'<informationRequirement><required{"Input" if "i_" in one else "Decision"} href="{_href(one)}"/>'
        "</informationRequirement>"
        for one in requires.split()
    )
    variable = f'<variable name="{escape(name)}"{_type(type_ref)}/>'
    return f'<decision id="d_{_id(name)}" name="{escape(name)}">{variable}{needs}{_knows(knows)}{expression}</decision>'


def knowledge(name: str, parameters: str, body: str, *, knows: str = "", type_ref: str = "", logic: str = "") -> str:
    """Give a business knowledge model; parameters are `name:type`, parted by commas."""
    made = "".join(_parameter(one) for one in parameters.split(",") if one)
    inner = f"<encapsulatedLogic{logic}>{made}{body}</encapsulatedLogic>" if body or made else ""
    variable = f'<variable name="{escape(name)}"{_type(type_ref)}/>'
    head = f'<businessKnowledgeModel id="b_{_id(name)}" name="{escape(name)}">'
    return f"{head}{variable}{inner}{_knows(knows)}</businessKnowledgeModel>"


def service(name: str, outputs: str, decisions: str = "", inputs: str = "") -> str:
    """Give a decision service; what it holds are ids, parted by spaces."""
    parts = "".join(
        f'<{kind} href="{_href(one)}"/>'
        for kind, ids in (("outputDecision", outputs), ("inputDecision", decisions), ("inputData", inputs))
        for one in ids.split()
    )
    return f'<decisionService id="s_{_id(name)}" name="{escape(name)}">{parts}</decisionService>'


def table(inputs: str, outputs: str, *rules: str, policy: str = "UNIQUE", attributes: str = "") -> str:
    """Give a decision table.

    Inputs are FEEL texts parted by `;`, or whole elements; outputs are names parted by `;`, or whole elements; a rule
    is `test; test -> result; result`, its parts parted by `;`.
    """
    made = inputs if inputs.startswith("<") else "".join(_input(one) for one in inputs.split(";") if one)
    made += (
        outputs if outputs.startswith("<") else "".join(f'<output name="{one.strip()}"/>' for one in outputs.split(";"))
    )
    made += "".join(_rule(rule, index) for index, rule in enumerate(rules, 1))
    return f'<decisionTable hitPolicy="{policy}"{attributes}>{made}</decisionTable>'


def _input(text: str) -> str:
    return f"<input><inputExpression><text>{escape(text.strip())}</text></inputExpression></input>"


def _rule(rule: str, index: int) -> str:
    tests, _, results = rule.rpartition("->")
    cells = "".join(_entry("inputEntry", one) for one in tests.split(";") if one.strip())
    cells += "".join(_entry("outputEntry", one) for one in results.split(";"))
    return f'<rule id="r{index}">{cells}</rule>'


def _entry(kind: str, text: str) -> str:
    return f"<{kind}><text>{escape(text.strip())}</text></{kind}>"


def _parameter(text: str) -> str:
    name, _, type_ref = text.partition(":")
    return f'<formalParameter name="{escape(name)}"{_type(type_ref)}/>'


def _knows(ids: str) -> str:
    return "".join(
        f'<knowledgeRequirement><requiredKnowledge href="{_href(one)}"/></knowledgeRequirement>' for one in ids.split()
    )


def _href(identity: str) -> str:
    return identity if "#" in identity else f"#{identity}"


def _id(name: str) -> str:
    return name.replace(" ", "")


def _type(type_ref: str) -> str:
    return f' typeRef="{escape(type_ref)}"' if type_ref else ""
