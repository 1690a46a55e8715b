"""Reports of a validation: JSON and JUnit XML for machines, a self-contained page for people.

`labs.electrical.validate` makes the `ValidationResult` that they are made from; the OpenHTF adapter
(`labs.electrical.report.openhtf`) needs the optional package and is imported by its own name.
"""

from labs.electrical.report.files import check_outputs, save_reports
from labs.electrical.report.json_form import json_report
from labs.electrical.report.junit import junit_report
from labs.electrical.report.result import RecordFacts, ValidationResult
from labs.electrical.report.rows import Judged, by_requirement, normalised_margin, offending
from labs.electrical.report.snippets import Snippet, WaveformKeeper, read_around

__all__ = [
    "Judged",
    "RecordFacts",
    "Snippet",
    "ValidationResult",
    "WaveformKeeper",
    "by_requirement",
    "check_outputs",
    "html_report",
    "json_report",
    "junit_report",
    "normalised_margin",
    "offending",
    "read_around",
    "save_reports",
]


def html_report(result: ValidationResult) -> str:
    """One page that needs no network: summary, margins, the waveform at each violation."""
    from labs.electrical.report.page import html_page  # loads matplotlib

    return html_page(result)
