"""DMN models: read safely, evaluated strictly or as the standard says.

`read_model` reads the XML of a model or says everything that is wrong with it (`ModelError`); `Model.evaluate` works
out a decision and everything that it requires, `Model.invoke` a decision service or a business knowledge model; the
outcome is `Decided` or `NotDecided`, each with the way it came about. `write_table` gives a decision table as DMN,
`read_table` reads one. The reference is docs/reference/dmn.md.
"""

from judgify.decision.dmn.convert import read_table
from judgify.decision.dmn.error import ModelError, ModelProblem
from judgify.decision.dmn.model import Model, read_model, read_models
from judgify.decision.dmn.outcome import Decided, Fault, NotDecided, Outcome, Place, Step
from judgify.decision.dmn.write import write_table
from judgify.decision.feel import Mode

__all__ = [
    "Decided",
    "Fault",
    "Mode",
    "Model",
    "ModelError",
    "ModelProblem",
    "NotDecided",
    "Outcome",
    "Place",
    "Step",
    "read_model",
    "read_models",
    "read_table",
    "write_table",
]
