"""The report as JUnit XML, the form that build servers and test executives read.

Each limit of a requirement on a channel is a test case. FAIL is a failure; INVALID is an error: the
test itself could not be made; a requirement for which the run ended before anything was judged is
skipped. MARGINAL passes, with words in system-out, as JUnit has no state for it.
"""

import re
from typing import Any
from xml.etree import ElementTree

from labs.electrical.report.result import ValidationResult
from labs.electrical.report.rows import MOST_SHOWN, Judged, sentence, status_of

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_KINDS = {"FAIL": "failure", "INVALID": "error"}


def junit_report(result: ValidationResult) -> str:
    """One suite, a test case for each limit and channel; what XML can't hold becomes '?'."""
    judged = result.requirements
    missing = result.unjudged
    counts = {
        "tests": len(judged) + len(missing),
        "failures": sum(j.status == "FAIL" for j in judged),
        "errors": sum(j.status == "INVALID" for j in judged),
        "skipped": len(missing),
    }
    no_requirement = result.status in _KINDS and not (counts["failures"] or counts["errors"])
    if no_requirement:  # the record as a whole: the verdict must show where only XML is read
        counts["tests"] += 1
        counts["errors"] += result.status == "INVALID"
        counts["failures"] += result.status == "FAIL"
    about = {"name": _text(getattr(result.specification, "name", "") or "limits")}
    about |= {k: str(v) for k, v in counts.items()}
    about["time"] = f"{result.elapsed_s or 0.0:.3f}"
    root = ElementTree.Element("testsuites", about)
    suite = ElementTree.SubElement(root, "testsuite", about)
    if result.record.start is not None:
        suite.set("timestamp", result.record.start.isoformat(timespec="seconds"))
    _properties(suite, result)
    record = _text(result.record.name)
    for item in judged:
        _case(suite, item, record)
    for name in missing:
        case = ElementTree.SubElement(suite, "testcase", name=_text(name), classname=record)
        ElementTree.SubElement(case, "skipped", message="the run ended before it was judged")
    if no_requirement:
        case = ElementTree.SubElement(suite, "testcase", name="the record", classname=record)
        note = _text("; ".join(result.notes) or result.summary)
        ElementTree.SubElement(case, _KINDS[result.status], message=note, type=result.status)
    if result.notes:
        ElementTree.SubElement(suite, "system-out").text = _text("\n".join(result.notes))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _properties(suite: ElementTree.Element, result: ValidationResult) -> None:
    facts = {
        "verdict": result.status,
        "config_hash": getattr(result.specification, "config_hash", ""),
        "record": result.record.name,
        "fs_hz": f"{result.record.fs_hz:g}",
        "device": result.device,
    }
    holder = ElementTree.SubElement(suite, "properties")
    for name, value in facts.items():
        ElementTree.SubElement(holder, "property", name=name, value=_text(value))


def _case(suite: ElementTree.Element, item: Judged, record: str) -> None:
    case = ElementTree.SubElement(suite, "testcase", name=_text(item.title), classname=record)
    if item.channel:
        holder = ElementTree.SubElement(case, "properties")
        ElementTree.SubElement(holder, "property", name="channel", value=_text(item.channel))
    if item.status in _KINDS:
        lines = [sentence(r) for r in item.rows if status_of(r) == item.status]
        if len(lines) > MOST_SHOWN:
            lines = [*lines[:MOST_SHOWN], f"and {len(lines) - MOST_SHOWN:,} more"]
        message = _text(sentence(item.worst))
        said = ElementTree.SubElement(case, _KINDS[item.status], message=message, type=item.status)
        said.text = _text("\n".join(lines))
    elif item.status == "MARGINAL":
        said = ElementTree.SubElement(case, "system-out")
        said.text = _text(f"MARGINAL: {sentence(item.worst)}")


def _text(value: Any) -> str:
    """A file's channel names may hold anything."""
    return _NOT_XML.sub("?", str(value))
