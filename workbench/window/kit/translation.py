"""Two languages: English in the code, Korean in ``resources/translations/ko.yaml``.

The file maps each English text to its translation. It stays a plain list that a teacher can read
and mend; a ``QTranslator`` looks texts up in it, so that ``tr()`` works as everywhere in Qt, and
a test fails where a text of the program is missing from it.
"""

from __future__ import annotations

import logging
import re

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QTranslator

from workbench import paths
from workbench.messages import Message, WorkbenchError, plain
from workbench.spec import plain_yaml
from workbench.spec.experiment import REGISTRIES

LANGUAGES = {"en": "English", "ko": "한국어"}

LARGEST_FILE, MOST_TEXTS = 1_000_000, 20_000
"""Bytes and values in a file of translations."""

_LONG_WORD = re.compile(r"(\S{60})(?=\S{60})")

log = logging.getLogger("workbench")


class _YamlTranslator(QTranslator):
    def __init__(self, texts: dict[str, str]) -> None:
        super().__init__()
        self._texts = texts

    def translate(
        self, context: str, source: str, disambiguation: str | None = None, n: int = -1
    ) -> str | None:
        return self._texts.get(source)

    def isEmpty(self) -> bool:
        return not self._texts


def read_texts(language: str) -> dict[str, str]:
    """``{English: translation}`` of a language; empty for English."""
    path = paths.shipped("resources") / "translations" / f"{language}.yaml"
    if not path.exists():
        return {}
    try:
        read = plain_yaml.parse(plain_yaml.read_text(path, LARGEST_FILE), MOST_TEXTS).content or {}
        texts = {english: text for english, text in read.items() if isinstance(text, str)}
    except (WorkbenchError, AttributeError):
        log.exception("%s: cannot be read; the window speaks English", path)
        return {}
    if language == "ko":
        for registry in REGISTRIES.values():
            for choice in registry.values():
                texts.update(choice.korean)
    return texts


def system_language() -> str:
    """The system's language where the program speaks it, else English."""
    language = QLocale.system().name().partition("_")[0]
    return language if language in LANGUAGES else "en"


class Translation:
    """The language of the application. Widgets hear of a change as ``QEvent.LanguageChange``."""

    def __init__(self, application: QCoreApplication) -> None:
        self._application = application
        self._installed: list[QTranslator] = []
        self.language = "en"

    def use(self, language: str) -> None:
        """Switch the application to ``"en"`` or ``"ko"``."""
        for translator in self._installed:
            self._application.removeTranslator(translator)
        self._installed = []
        self.language = language
        if language == "en":
            return
        qt = QTranslator()  # the texts of Qt's own dialogs
        folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
        if qt.load(f"qtbase_{language}", folder):
            self._installed.append(qt)
        self._installed.append(_YamlTranslator(read_texts(language)))
        for translator in self._installed:
            self._application.installTranslator(translator)


def tr(text: str) -> str:
    """``text`` in the application's language; as it stands where it is none of ours."""
    try:
        return QCoreApplication.translate("workbench", text)
    except UnicodeEncodeError:  # a lone surrogate, out of a file
        return text


def breakable(value: object) -> object:
    """A text in which a label can break its longest words, as paths of 4,000 letters: Qt breaks
    lines between words alone, and would make a window as wide as the word."""
    if not isinstance(value, str):
        return value
    return _LONG_WORD.sub("\\1\N{ZERO WIDTH SPACE}", value)


def say(message: Message) -> str:
    """A message of the engine in the application's language."""
    values = {
        name: say(value) if isinstance(value, Message) else breakable(plain(value))
        for name, value in message.values.items()
    }
    return tr(message.template).format(**values)
