"""Rewrites the rendered examples in `envoy/` and `istio/`: `python -m extproc.mesh.examples`.

Each `envoy/NAME.tiermesh.yaml` becomes `NAME.envoy.yaml`, and the files its bootstrap names are put into `NAME/`. One of them
becomes the resources in `istio/egress/` too.
"""

from __future__ import annotations

from pathlib import Path

from extproc.config import load
from extproc.mesh import render_envoy
from extproc.mesh.egress import Surroundings, render_egress

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


def rendered_egress(directory: Path) -> dict[Path, str]:
    """The text of every file in `istio/egress/`, by path, for the configuration in `directory` (`envoy/`) that has cloud backends."""
    config = load(directory / f"three-tiers{_SUFFIX}")
    texts = render_egress(config, Surroundings(("shop", "search"), reach=("shop-data",), egress_namespace="istio-system"))
    return {directory.parent / "istio" / "egress" / name: text for name, text in texts.items()}


def main() -> None:
    """Writes them."""
    directory = Path(__file__).parents[2] / "envoy"
    for path, text in (rendered_examples(directory) | rendered_egress(directory)).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
