"""Help as rich text: for the window on help, and for the box that says what something is."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from workbench.window.kit.translation import Translation, read_texts, tr
from workbench.words.help_texts import HelpEntry, HelpTexts, read_help


def help_in(language: str) -> HelpTexts:
    """Return the help in ``language``, whatever the application's is."""
    texts = read_texts(language)
    return read_help(language, lambda text: texts.get(text, text))


class HelpReader:
    """Reads the help in the application's language, once for each."""

    def __init__(self, translation: Translation) -> None:
        self._translation = translation
        self._read: dict[str, HelpTexts] = {}

    def texts(self) -> HelpTexts:
        language = self._translation.language
        if language not in self._read:
            self._read[language] = help_in(language)
        return self._read[language]


def plot_headings() -> tuple[str, str, str]:
    """Return the headings of what is said of a plot, in the application's language."""
    return tr("What is drawn"), tr("How it is measured"), tr("What it does not say")


def entry_html(entry: HelpEntry) -> str:
    """Return one entry: its name in bold, and its paragraphs; those of a plot have headings."""
    parts = [f"<p><b>{_escaped(entry.name)}</b></p>"]
    if len(entry.texts) == 1:
        parts.append(f"<p>{_escaped(entry.texts[0])}</p>")
    else:
        for heading, text in zip(plot_headings(), entry.texts, strict=True):
            parts.append(f"<p><i>{_escaped(heading)}</i><br>{_escaped(text)}</p>")
    return "".join(parts)


def found_in(entries: Iterable[HelpEntry], search: str) -> list[HelpEntry]:
    """Return those of ``entries`` in which ``search`` stands; all where it is empty."""
    search = search.casefold().strip()
    return [
        entry
        for entry in entries
        if search in " ".join((entry.name, *entry.also, *entry.texts)).casefold()
    ]


def entries_html(entries: Sequence[HelpEntry]) -> str:
    """Return ``entries`` below each other; a sentence where there is none."""
    if not entries:
        return f"<p>{_escaped(tr('Nothing found.'))}</p>"
    return "".join(map(entry_html, entries))


def _escaped(text: str) -> str:
    return html.escape(text, quote=False)
