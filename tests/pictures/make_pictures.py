"""Makes the README's pictures from a saved run.

    python tests/pictures/make_pictures.py RUN_FOLDER [RUN_FOLDER] [--theme light|dark]
        [--language en|ko]

RUN_FOLDER is a run of the library, as `cifar-workbench runs` names it; a second one is compared
with it. The overview of the report's experiments has all runs of that library. The pictures go to
`resources/pictures/`. Works without a display (QT_QPA_PLATFORM=offscreen).
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

OUT = Path(__file__).parents[2] / "resources" / "pictures"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, metavar="RUN_FOLDER")
    parser.add_argument("other", type=Path, nargs="?", metavar="RUN_FOLDER")
    parser.add_argument("--theme", choices=["light", "dark"], default="light")
    parser.add_argument("--language", choices=["en", "ko"], default="en")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        # Settings of its own: the pictures do not depend on the person's layout.
        os.environ["CIFAR_WORKBENCH_HOME"] = home
        other = options.other.absolute() if options.other else None
        take(options.run.absolute(), other, options.theme, options.language, options.out)


def take(run: Path, other: Path | None, theme_name: str, language: str, out: Path) -> None:
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QApplication, QWidget

    from workbench.data.data_choice import DataChoice, DataInfo
    from workbench.library.catalog import Library
    from workbench.library.run_folder import read_record
    from workbench.messages import Message
    from workbench.window.kit.settings import Settings
    from workbench.window.kit.theme import Theme
    from workbench.window.kit.translation import Translation
    from workbench.window.main_window import MainWindow

    application = QApplication(sys.argv[:1])
    theme, translation = Theme(application), Translation(application)
    theme.choose(theme_name)
    translation.use(language)
    window = MainWindow(Library(run.parent), Settings(), theme, translation)
    window.resize(1440, 900)
    window.show()
    window.actions_.reset_layout.trigger()  # as wide as docks are in a window of this size
    record = read_record(run)
    info = DataInfo(
        **{
            **record.data,
            "classes": tuple(record.data["classes"]),
            "skipped_files": tuple(record.data["skipped_files"]),
        }
    )
    path = Path(info.path) if info.path else None
    window.data_button.set_info(DataChoice(info.kind, path, Message("")), info)
    window.device_box.set_devices([(record.device, record.environment["device_name"])])
    if record.preset:
        window.presets.select(record.preset)
    window.saved.refresh()
    window.saved.select_run(record.folder)
    window.run_view.show_record(record)
    window.run_view.live.refresh()

    def keep(name: str, widget: QWidget) -> None:
        QTest.qWait(500)  # layout, paint, and what is filled in at later turns
        path = out / f"{name}-{theme_name}{'' if language == 'en' else '-' + language}.png"
        widget.grab().save(str(path))
        print(path)

    for name, tab in (("run", window.run_view.live), ("confusion", window.run_view.confusion)):
        window.run_view.tabs.setCurrentWidget(tab)
        keep(name, window)
    keep("story", window.result_windows.tell_story())
    if other is not None:
        comparison = window.result_windows.compare([read_record(other), record])
        while not comparison.ready:
            application.processEvents()
        keep("compare", comparison)
    window.close()


if __name__ == "__main__":
    main()
