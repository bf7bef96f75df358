"""Networks of one's own: files in the ``networks`` folder, and packages with an entry point of the
group ``cifar_workbench.networks``.

What they declare is read from their text, without running it: the program starts without torch.
:mod:`workbench.engine.own_networks` runs them, once such a network is to be built.
"""

from __future__ import annotations

import ast
import importlib.util
import logging
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import paths
from workbench.messages import Message, WorkbenchError
from workbench.plain_text import shortened
from workbench.spec.layers import Layer
from workbench.spec.networks import Network, NetworkError
from workbench.spec.registry import Registry, resolve

if TYPE_CHECKING:
    from workbench.spec.experiment import Experiment

GROUP = "cifar_workbench.networks"
FUNCTION = "build"
"""What a file's function is called."""

LARGEST_FILE = 1_000_000
"""In bytes."""

log = logging.getLogger("workbench")


@dataclass(frozen=True)
class OwnNetwork(Network):
    """A network of somebody's own.

    Args:
        path: the file that defines it.
        module: its name for Python, where it is a package's; empty for a file of the folder.
        function: ``function(classes=..., <hyperparameter>=...) -> nn.Module``; the hyperparameters
            that it takes are its fields.
    """

    path: Path = Path()
    module: str = ""
    function: str = FUNCTION


def add_own_networks(registry: Registry[Network], known: Sequence[str]) -> list[Message]:
    """Add the networks of the folder and of packages to ``registry``; ``known`` are the
    hyperparameters. Returns a sentence for each that cannot be used."""
    problems: list[Message] = []
    for find in (*_files(), *_entry_points()):
        try:
            network = find.declaration(known)
            if network.name in registry:
                raise WorkbenchError(
                    "{path}: there is a network {name} already; give it another name.",
                    path=find.path,
                    name=network.name,
                )
            registry.add(network)
        except WorkbenchError as error:
            problems.append(error.message)
        except ValueError:
            problems.append(
                Message(
                    "{path}: {name} is no name for a network; use a-z, 0-9 and _, and begin with "
                    "a letter.",
                    path=find.path,
                    name=shortened(find.name),
                )
            )
    return problems


@dataclass(frozen=True)
class _Found:
    name: str
    path: Path
    module: str = ""
    function: str = FUNCTION

    def declaration(self, known: Sequence[str]) -> OwnNetwork:
        """Return what the file says of its network. Raises :class:`WorkbenchError`."""
        tree = _parsed(self.path)
        _require_imports(self.path, tree)
        function = next(
            (n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == self.function),
            None,
        )
        if function is None:
            raise WorkbenchError(
                "{path}: defines no function {function}(classes, ...).",
                path=self.path,
                function=self.function,
            )
        arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        fields = tuple(a.arg for a in arguments if a.arg != "classes")
        for name in fields:
            if name not in known or name == "network":
                raise WorkbenchError(
                    "{path}, line {line}: {function} takes {name}, which is no hyperparameter; "
                    "there are {names}.",
                    path=self.path,
                    line=function.lineno,
                    function=self.function,
                    name=shortened(name),
                    names=", ".join(known),
                )
        words = ast.get_docstring(function) or ast.get_docstring(tree) or ""
        return OwnNetwork(
            name=self.name,
            label=self.name.replace("_", " ").capitalize(),
            help=" ".join(words.split("\n\n")[0].split())[:500],
            fields=fields,
            layers=_layers_of(self.name),
            build="workbench.engine.own_networks:build_own",
            batch_norm=None,
            path=self.path,
            module=self.module,
            function=self.function,
        )


class _layers_of:
    """The layers of the own network ``name``, which are found by building it: none before torch is
    there, as a window that opens does not wait for it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, experiment: Experiment, classes: int) -> Sequence[Layer]:
        if "torch" not in sys.modules:
            return ()
        layers: Sequence[Layer] = resolve("workbench.engine.own_networks:own_layers")(
            experiment, classes
        )
        return layers


def _files() -> Iterator[_Found]:
    folder = paths.user_networks()
    for path in sorted(folder.glob("*.py")):
        if not path.name.startswith(("_", ".")):
            yield _Found(path.stem, path)


def _entry_points() -> Iterator[_Found]:
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        module, _, function = point.value.partition(":")
        path = _source(point, module.strip())
        yield _Found(point.name, path, module.strip(), function.strip() or FUNCTION)


def _source(point: EntryPoint, module: str) -> Path:
    """The file of ``module``, found without importing its packages; a name where there is none."""
    parts = module.split(".")
    place: list[str] | None = None
    for number in range(len(parts)):
        name = ".".join(parts[: number + 1])
        spec = next(
            (
                found
                for finder in sys.meta_path
                if hasattr(finder, "find_spec") and (found := finder.find_spec(name, place, None))
            ),
            None,
        )
        if spec is None:
            break
        place = list(spec.submodule_search_locations or ())
        if number == len(parts) - 1 and spec.origin:
            return Path(spec.origin)
    return Path(f"{point.dist.name if point.dist else 'package'}: {module}")


def _parsed(path: Path) -> ast.Module:
    try:
        if path.stat().st_size > LARGEST_FILE or not path.is_file():
            raise WorkbenchError("{path}: is no Python file with a network.", path=path)
        return ast.parse(path.read_bytes(), str(path))
    except OSError as error:
        raise WorkbenchError(
            "{path}: cannot be read ({reason}).", path=path, reason=error.strerror or error
        ) from None
    except SyntaxError as error:
        raise at_line(path, error.lineno or 1, f"{type(error).__name__}: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise at_line(path, 1, f"{type(error).__name__}: {error}") from None


def at_line(path: Path, line: int, error: str) -> NetworkError:
    """Return the sentence for an ``error`` of Python in the file of an own network."""
    return NetworkError(
        "{path}, line {line}: the network cannot be used: {error}",
        path=path,
        line=line,
        error=shortened(error, 300),
    )


def _require_imports(path: Path, tree: ast.Module) -> None:
    """Raise :class:`WorkbenchError` for a package that is imported at the top and is not there."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        else:
            continue
        for name in names:
            package = name.partition(".")[0]
            if package not in sys.modules and not _is_there(package):
                raise at_line(
                    path, node.lineno, f"ModuleNotFoundError: No module named {package!r}"
                )


@lru_cache(maxsize=256)
def _is_there(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False
