"""A site's rule that brings ids written in several ways to one form, given as sed's `s/pattern/replacement/`."""

import re
from dataclasses import dataclass


class RewriteRuleError(ValueError):
    """A rule that cannot be understood; the message names its variable and what is wrong."""


@dataclass(frozen=True)
class Rewrite:
    """A substitution: `pattern` is matched whatever the case, since ids come in upper case; `everywhere` is flag g."""

    pattern: re.Pattern[str]
    replacement: str
    everywhere: bool

    def apply(self, text: str) -> str:
        return self.pattern.sub(self.replacement, text, count=0 if self.everywhere else 1)

    def __str__(self) -> str:
        """What makes two rules the same, however they are written."""
        return repr((self.pattern.pattern, self.replacement, self.everywhere))


def rewrite_from(variable: str, text: str | None) -> Rewrite | None:
    """Parse the value of an environment variable; None where it is unset or empty.

    Pattern and replacement are those of Python's `re`; the delimiter is any sign that is no letter, digit, blank or
    backslash, and stands for itself behind a backslash; the flags are g (every match, not the first alone) and i.
    Raises RewriteRuleError.
    """
    text = (text or "").strip()
    if not text:
        return None
    form = re.fullmatch(r"s(?P<delimiter>[^A-Za-z0-9\s\\])(?P<rest>.*)", text, re.DOTALL)
    if form is None:
        raise RewriteRuleError(f"{variable} is no rule: write it like s/^0+//, in sed's form s/pattern/replacement/")
    sign, escaped = form["delimiter"], re.escape(form["delimiter"])
    part = rf"((?:[^\\{escaped}]|\\.)*){escaped}"
    parts = re.fullmatch(rf"{part}{part}(\w*)", form["rest"], re.DOTALL)
    if parts is None:
        raise RewriteRuleError(
            f"{variable}: {sign} must stand three times, as in s{sign}pattern{sign}replacement{sign}; "
            f"write \\{sign} where it is meant itself, or take another sign"
        )
    pattern, replacement, flags = parts.groups()
    replacement = replacement.replace(f"\\{sign}", sign)
    if not pattern:
        raise RewriteRuleError(f"{variable}: the pattern between the first two {sign} is empty")
    if unknown := set(flags.lower()) - set("gi"):
        raise RewriteRuleError(f"{variable}: flag {''.join(sorted(unknown))} is unknown; there are g and i")
    if re.search(r"\\0", replacement):
        raise RewriteRuleError(rf"{variable}: \0 is no group in Python; the whole match is \g<0>")
    try:
        text.encode()
        rewrite = Rewrite(re.compile(pattern, re.IGNORECASE), replacement, "g" in flags.lower())
        rewrite.apply("")  # looks the replacement's groups up
    except (re.error, IndexError) as error:
        raise RewriteRuleError(f"{variable} is no rule that Python's re understands: {error}") from error
    except UnicodeEncodeError as error:
        raise RewriteRuleError(f"{variable} is not UTF-8") from error
    return rewrite
