"""What one step of an examination found out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["good", "warning", "bad"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a step: ``text`` is one line, ``details`` are further ones, ``hint`` says what to do if it is bad.

    ``seconds`` is how long the step took.
    """

    step: str
    state: State
    text: str
    details: tuple[str, ...] = ()
    hint: str = ""
    seconds: float = 0.0
