"""Results against what is known to be true: truth, results → judging, placing → measures → report → baseline, page."""

from pipeline.evaluate.baseline import Change, Comparison, compare
from pipeline.evaluate.judging import Judgement, Outcome, Placed, RowCount, anls, judge, judge_document
from pipeline.evaluate.measures import Measures, as_percent, as_share
from pipeline.evaluate.report import GROUPS, Document, Report, evaluate
from pipeline.evaluate.results import Found, read_results
from pipeline.evaluate.truth import TRUTH_IS, Chosen, Spot, Truth, choose, read_truth, truth_of

__all__ = [
    "GROUPS",
    "TRUTH_IS",
    "Change",
    "Chosen",
    "Comparison",
    "Document",
    "Found",
    "Judgement",
    "Measures",
    "Outcome",
    "Placed",
    "Report",
    "RowCount",
    "Spot",
    "Truth",
    "anls",
    "choose",
    "compare",
    "evaluate",
    "as_percent",
    "as_share",
    "judge",
    "judge_document",
    "read_results",
    "read_truth",
    "truth_of",
]
