"""Rewrites the rendered examples in `envoy/`: `python -m extproc.mesh.examples [directory]`.

Each `NAME.tiermesh.yaml` there becomes `NAME.envoy.yaml`, and the files its bootstrap names are put into `NAME/`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from extproc.config import load
from extproc.mesh import render_envoy

RUN_DIR = Path("/run/tiermesh")
WORKERS = 2
_SUFFIX = ".tiermesh.yaml"


def rendered_examples(directory: Path) -> dict[Path, str]:
    """The text of every rendered file, by path, for the configurations in `directory`."""
    texts: dict[Path, str] = {}
    for source in sorted(directory.glob(f"*{_SUFFIX}")):
        name = source.name.removesuffix(_SUFFIX)
        rendered = render_envoy(load(source), RUN_DIR, workers=WORKERS)
        texts[directory / f"{name}.envoy.yaml"] = rendered.bootstrap
        texts |= {directory / name / path.relative_to(RUN_DIR): text for path, text in rendered.files.items()}
    return texts


def main(arguments: list[str]) -> None:
    """Writes them."""
    directory = Path(arguments[0]) if arguments else Path(__file__).parents[2] / "envoy"
    for path, text in rendered_examples(directory).items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
