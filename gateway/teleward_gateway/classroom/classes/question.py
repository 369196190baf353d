"""A question to all seats: as one of them sees it, and the histogram of the answers."""

from teleward_gateway.classroom.classes.board_types import Histogram
from teleward_gateway.classroom.classes.screen_types import Question
from teleward_gateway.classroom.classes.state import ClassState, Seat


def question_of(state: ClassState, seat: Seat, now_ms: int) -> Question | None:
    """Return the question that is open; the right answer only once it is over."""
    asked = state.asked
    if asked is None:
        return None
    over = state.frozen is None
    left_s = 0.0 if over else asked.seconds - (now_ms - state.frozen_wall_ms) / 1000
    shown: Question = {
        "id": asked.question,
        "text": asked.text,
        "options": asked.options,
        "unit": asked.unit,
        "mine": seat.answer,
        "over": over,
        "left_s": max(0.0, round(left_s, 1)),
    }
    if over:
        shown["answer"], shown["why"] = asked.answer, asked.why
    return shown


def histogram(state: ClassState) -> Histogram | None:
    """Return how many seats gave which answer to the newest question; no names."""
    asked = state.asked
    if asked is None:
        return None
    answers = [s.answer for s in state.present() if s.answer is not None]
    counts: dict[str, int] = {str(i): 0 for i in range(len(asked.options))}
    for value in answers:
        counts[value] = counts.get(value, 0) + 1
    over = state.frozen is None
    return {
        "id": asked.question,
        "text": asked.text,
        "options": asked.options,
        "unit": asked.unit,
        "answer": asked.answer if over else "",
        "why": asked.why if over else {},
        "n_answers": len(answers),
        "counts": counts if over else {},
        "over": over,
    }
