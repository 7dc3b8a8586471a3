"""Decision tables that people can read and a machine can check.

`DecisionTable.from_mapping` compiles a table or says everything that is wrong with it (`TableError`);
`DecisionTable.evaluate` judges an object and gives `Matched`, `NotMatched` or `NotEvaluable`, each with its trace.
`analyse` says what a table leaves open, says twice or never says.
A cell that cannot be evaluated says so and why; it never falls through to a default. The reference is
docs/reference/decision.md.

Pure: of this distribution it imports `judgify.kit.errors` only, and besides that the standard library.
"""

from judgify.decision.analysis import Analysis, analyse
from judgify.decision.clause import InputColumn, OutputColumn
from judgify.decision.counterfactual import Change, Counterfactual, counterfactual
from judgify.decision.error import Problem, TableError
from judgify.decision.example import Example, ExampleFailure
from judgify.decision.explain import explain
from judgify.decision.feel.shown import plain
from judgify.decision.feel.temporal import MonthDuration
from judgify.decision.finding import Finding
from judgify.decision.rule import Rule
from judgify.decision.table import DecisionTable
from judgify.decision.trace import Cause, CellTrace, Matched, NotEvaluable, NotMatched, Outcome, RuleTrace, Trace
from judgify.decision.wording import REASONS

__all__ = [
    "REASONS",
    "Analysis",
    "Cause",
    "CellTrace",
    "Change",
    "Counterfactual",
    "DecisionTable",
    "Example",
    "ExampleFailure",
    "Finding",
    "InputColumn",
    "Matched",
    "MonthDuration",
    "NotEvaluable",
    "NotMatched",
    "Outcome",
    "OutputColumn",
    "Problem",
    "Rule",
    "RuleTrace",
    "TableError",
    "Trace",
    "analyse",
    "counterfactual",
    "explain",
    "plain",
]
