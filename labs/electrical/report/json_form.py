"""The report as plain data for JSON."""

import json
from typing import Any

from labs.electrical.report.result import ValidationResult
from labs.electrical.stream.log import plain

FORMAT = 1


def json_report(result: ValidationResult) -> dict[str, Any]:
    """The report as JSON has it: NaN and infinity, which JSON lacks, are null.

    Keys: format, verdict, exit_code, summary, specification, record, measurements (every row),
    counts (values judged, by status), notes, statistics, environment.
    """
    specification, record = result.specification, result.record
    return plain(
        {
            "format": FORMAT,
            "verdict": result.status,
            "exit_code": result.exit_code,
            "summary": result.summary,
            "specification": {
                "name": getattr(specification, "name", None),
                "config_hash": getattr(specification, "config_hash", None),
                "requirements": [r.name for r in getattr(specification, "requirements", ())],
            },
            "record": {
                "name": record.name,
                "fs_hz": record.fs_hz,
                "start": record.start,
                "duration_s": record.duration_s,
                "channels": record.channels,
                "notes": record.notes,
            },
            "measurements": result.verdict.rows,
            "counts": getattr(result.verdict, "counts", {}),
            "notes": result.notes,
            "statistics": result.statistics,
            "device": result.device,
            "elapsed_s": result.elapsed_s,
            "environment": result.environment,
        }
    )


def json_text(result: ValidationResult) -> str:
    return json.dumps(json_report(result), indent=2, allow_nan=False) + "\n"
