"""Two languages: English in the code, Korean in ``resources/translations/ko.yaml``.

The file maps each English text to its translation. It stays a plain list that a teacher can read
and mend; a ``QTranslator`` looks texts up in it, so that ``tr()`` works as everywhere in Qt, and
a test fails where a text of the program is missing from it.
"""

from __future__ import annotations

import yaml
from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QTranslator

from workbench import paths
from workbench.messages import Message
from workbench.spec.experiment import REGISTRIES

LANGUAGES = {"en": "English", "ko": "한국어"}


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
    # The C loader reads the file in a few milliseconds, which start-up pays for.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    texts: dict[str, str] = yaml.load(path.read_text(encoding="utf-8"), Loader=loader) or {}
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
        """Switches the application to ``"en"`` or ``"ko"``."""
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
    """``text`` in the application's language."""
    return QCoreApplication.translate("workbench", text)


def say(message: Message) -> str:
    """A message of the engine in the application's language."""
    values = {
        name: say(value) if isinstance(value, Message) else value
        for name, value in message.values.items()
    }
    return tr(message.template).format(**values)
