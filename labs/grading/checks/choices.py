"""Judging an answer in which something is chosen for each line of a table."""

from collections.abc import Mapping

from labs.grading.compare import expect_type
from labs.grading.judges import Wrong


def judge_choices(what: str, want: Mapping[str, str], answer: object) -> None:
    """Each line has its right choice.

    Args:
        what: the word for a choice, such as "language".
        want: line -> the right choice.

    Raises:
        Wrong: says how many and which lines are wrong, but not what is right: there are only a few
            to choose from.
    """
    expect_type("the answer", answer, (dict,))
    missing = [key for key in want if answer.get(key) in (None, "")]
    if missing:
        raise Wrong(f"no {what} yet for: {', '.join(missing)}")
    wrong = [key for key in want if answer[key] != want[key]]
    if wrong:
        raise Wrong(
            f"{len(want) - len(wrong)} of {len(want)} right. Look again at: {'; '.join(wrong)}"
        )
