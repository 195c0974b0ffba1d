"""The nearest valid spelling of a word that is none."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, choices: Iterable[str], most: int = 3) -> tuple[str, ...]:
    """The choices that a person who typed ``word`` may have meant, the likeliest first.

    Case, hyphens and underscores do not count as differences.

    Args:
        word: what was typed.
        choices: what could have been typed.
        most: how many choices to return at most.

    Example:
        >>> nearest("batch_size", ["seed", "batch_sizes"])
        ('batch_sizes',)
    """
    import difflib  # only a run that already failed pays for it

    # A longer word is no key and no name, and the time grows with the product of the lengths.
    typed = _folded(word)[:100]
    likeness = {choice: difflib.SequenceMatcher(None, _folded(choice), typed).ratio() for choice in choices}
    # Beside a word that is nearly right, one that merely shares letters would only distract.
    least = max(0.6, max(likeness.values(), default=0.0) - 0.1)
    found = [choice for choice, ratio in likeness.items() if ratio >= least]
    return tuple(sorted(found, key=lambda choice: -likeness[choice])[:most])


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """``did you mean a or b?``, or an empty text where nothing is near."""
    found = nearest(word, choices)
    return f"did you mean {' or '.join(found)}?" if found else ""


def _folded(word: str) -> str:
    return word.lower().replace("_", "-")
