"""The options of `tiermesh render egress`."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from extproc.errors import StartError
from extproc.mesh.egress import ANYWHERE, Surroundings

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")  # RFC 1123, as Kubernetes reads it
_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_DEFAULT = Surroundings(())


def add_to(command: argparse.ArgumentParser) -> None:
    """Adds them to `tiermesh render`."""
    group = command.add_argument_group("egress", "where the gateway and the apps run; see docs/egress.md")
    group.add_argument("--app-namespace", action="append", type=_name, default=[], metavar="NS", help="namespace of apps; repeat it")
    group.add_argument("--app-selector", type=_labels, default={}, metavar="K=V", help="labels of apps' pods (default: all of them)")
    group.add_argument("--gateway-namespace", type=_name, default=_DEFAULT.gateway_namespace, metavar="NS", help="default: %(default)s")
    group.add_argument("--gateway-selector", type=_labels, default=None, metavar="K=V", help="labels of its pods (default: app=tiermesh)")
    group.add_argument("--gateway-account", type=_name, default=_DEFAULT.gateway_account, metavar="NAME", help="its service account")
    group.add_argument("--namespace", type=_name, default=None, metavar="NS", help="of the service entries (default: the gateway's)")
    group.add_argument("--mesh-namespace", type=_name, default=_DEFAULT.mesh_namespace, metavar="NS", help="default: %(default)s")
    group.add_argument(
        "--reach", action="append", type=_reach, default=[], metavar="NS", help="another namespace apps call, or '*'; repeat it"
    )
    group.add_argument(
        "--egress-gateway", type=_name, default=None, metavar="NS", help="namespace of the mesh's egress gateway, if there is one"
    )
    group.add_argument(
        "--egress-selector", type=_labels, default=None, metavar="K=V", help="labels of its pods (default: istio=egressgateway)"
    )
    group.add_argument("--guard-on-prem", action="store_true", help="close on-premises backends to apps too")
    group.add_argument("--out", type=Path, default=None, metavar="DIR", help="write a file for each kind (default: print all)")


def surroundings(args: argparse.Namespace) -> Surroundings:
    """What the options say. Raises StartError where they contradict each other."""
    if not args.app_namespace:
        raise StartError("render egress needs --app-namespace: whose apps are to be kept from the cloud hosts")
    if args.gateway_namespace in args.app_namespace:
        raise StartError("apps in the gateway's namespace would know the cloud hosts as it does: give it a namespace of its own")
    return Surroundings(
        app_namespaces=tuple(dict.fromkeys(args.app_namespace)),
        namespace=args.namespace or args.gateway_namespace,
        gateway_namespace=args.gateway_namespace,
        gateway_labels=args.gateway_selector or _DEFAULT.gateway_labels,
        gateway_account=args.gateway_account,
        app_labels=args.app_selector,
        mesh_namespace=args.mesh_namespace,
        reach=tuple(args.reach),
        egress_namespace=args.egress_gateway or "",
        egress_labels=args.egress_selector or _DEFAULT.egress_labels,
        guards_on_prem=args.guard_on_prem,
    )


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no Kubernetes name")
    return text


def _reach(text: str) -> str:
    return text if text == ANYWHERE else _name(text)


def _labels(text: str) -> dict[str, str]:
    """`a=b,c=d`."""
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(equals and _KEY.fullmatch(key) and _VALUE.fullmatch(value) for key, equals, value in pairs):
        raise argparse.ArgumentTypeError(f"{text!r} is not like app=tiermesh")
    return {key: value for key, _, value in pairs}
