"""No way round the gateway: the Kubernetes and Istio resources that keep apps from the cloud hosts.

ext_proc may let a request pass undecided even where it is told not to, and an app may call a provider by itself. Neither
matters where the network allows only the gateway's pods to reach one. Three layers hold that, none of which needs the others:

    ServiceEntry          each cloud host is known in the gateway's namespace, and nowhere else
    Sidecar               what an app's proxy does not know, it does not connect to (REGISTRY_ONLY)
    NetworkPolicy         what an app's pod sends past its proxy, the cluster's network drops

With an egress gateway or on-premises backends in the cluster, an AuthorizationPolicy (DENY) refuses all but our gateway there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from extproc.config import Config, Location, spelling
from extproc.config.check import is_loopback
from extproc.mesh.plain import comment, plain_yaml
from extproc.store.address import parse_address

NAME = "tiermesh-egress"
ANYWHERE = "*"

Resource = dict[str, Any]

_MANAGED = {"app.kubernetes.io/managed-by": "tiermesh"}
_DNS = [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]
# Cloud machines hand out credentials at a link-local address; a gateway has no business there.
_OUTSIDE = ({"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}, {"cidr": "::/0", "except": ["fe80::/10"]})
_PLAIN_PORTS = ("80", "8080")
_NAMESPACE_LABEL = "kubernetes.io/metadata.name"  # set on every namespace by Kubernetes itself

_SERVICE_ENTRIES = """\
Rendered by TierMesh from tiermesh.yaml. Edit that file, not this one.

The hosts of cloud backends, made known to the gateway's namespace alone. An app's proxy that connects only to what it knows
(sidecars.yaml) has no way to them."""
_AUTHORIZATION = """\
Rendered by TierMesh from tiermesh.yaml. Edit that file, not this one.

Refuses everybody but the gateway: at an egress gateway for the hosts of cloud backends, and on the ports of on-premises
backends inside the cluster. The ports are the pods' own: where a Service maps its port to another, change them here. Callers
without mutual TLS have no identity and are refused; probes by the kubelet pass where Istio rewrites them, which is its default."""
_NETWORK = """\
Rendered by TierMesh from tiermesh.yaml. Edit that file, not this one.

Holds whatever an app does to its proxy. Apps reach the name service, their own namespace, the mesh's, the gateway, and the
namespaces that were named; the gateway reaches the pods of this cluster, and outside it the ports that tiermesh.yaml names. It
needs a network plugin that enforces NetworkPolicy, egress included: some accept the resource and do nothing. Where each node
caches names at an address of its own, allow that address too. Other policies add to what these allow: look for them."""
_SIDECARS = """\
Rendered by TierMesh from tiermesh.yaml. Edit that file, not this one.

Proxies of apps connect only to what they know. A namespace may have one Sidecar without a workloadSelector: where there is
one already, merge this into it. Without `hosts` for a namespace its services are not known: `--reach` adds them."""
_TEST = """\
Apply:  kubectl apply -f {name}
Test:   kubectl -n {space} exec DEPLOYMENT -c CONTAINER -- curl -sS -m 5 {url}
        must fail, and so must the same from a pod without a proxy (label sidecar.istio.io/inject: "false").
        Through the gateway the app's requests must be answered as before."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where the gateway and the apps run, in Kubernetes' terms.

    `namespace` holds the service entries. `reach` are further namespaces that apps may call, `*` is all of them. Without an
    `egress_namespace` there is no egress gateway. `guards_on_prem` closes on-premises backends to apps too.
    """

    app_namespaces: tuple[str, ...]
    namespace: str = "tiermesh"
    gateway_namespace: str = "tiermesh"
    gateway_labels: Mapping[str, str] = field(default_factory=lambda: {"app": "tiermesh"})
    gateway_account: str = "tiermesh"
    app_labels: Mapping[str, str] = field(default_factory=dict)  # none: every pod of the namespace
    mesh_namespace: str = "istio-system"
    reach: tuple[str, ...] = ()
    egress_namespace: str = ""
    egress_labels: Mapping[str, str] = field(default_factory=lambda: {"istio": "egressgateway"})
    guards_on_prem: bool = False

    @property
    def reachable(self) -> tuple[str, ...]:
        """Namespaces that apps may call besides their own."""
        return (ANYWHERE,) if ANYWHERE in self.reach else tuple(dict.fromkeys((self.mesh_namespace, self.gateway_namespace, *self.reach)))

    @property
    def principal(self) -> str:
        """The gateway's identity; Istio reads `cluster.local` as the mesh's own trust domain, whatever its name."""
        return f"cluster.local/ns/{self.gateway_namespace}/sa/{self.gateway_account}"


@dataclass(frozen=True, slots=True)
class _Host:
    """A backend's host with all the ports backends use there."""

    name: str
    ports: tuple[tuple[int, bool], ...]  # number, whether it is TLS

    @property
    def is_address(self) -> bool:
        try:
            ip_address(self.name)
        except ValueError:
            return False
        return True

    @property
    def cluster_namespace(self) -> str:
        """The namespace of a service of this cluster; "" for any other host."""
        parts = self.name.split(".")
        return parts[1] if len(parts) > 2 and parts[2] == "svc" else ""


def render_egress(config: Config, around: Surroundings) -> dict[str, str]:
    """YAML by file name, in the order to apply it."""
    cloud, own = _hosts(config, Location.CLOUD), _hosts(config, Location.ON_PREM)
    guarded = [*cloud, *(host for host in own if around.guards_on_prem and not host.cluster_namespace)]
    kinds = {
        "service-entries": (_SERVICE_ENTRIES, [_service_entry(host, around) for host in guarded]),
        "authorization-policies": (_AUTHORIZATION, [*_egress_gateway(cloud, around), *_on_prem_services(own, around)]),
        "network-policies": (_NETWORK, [_gateway_policy(config, around), *(_app_policy(space, around) for space in around.app_namespaces)]),
        "sidecars": (_SIDECARS, [_sidecar(space, around) for space in around.app_namespaces]),
    }
    first, *_ = cloud or own or [_Host("a-cloud-host.example", ((443, True),))]
    url = "https://" + (f"[{first.name}]" if ":" in first.name else first.name) + f":{first.ports[0][0]}/"
    texts: dict[str, str] = {}
    for kind, (does, made) in kinds.items():
        how = _TEST.format(name=f"{kind}.yaml", space=around.app_namespaces[0], url=url)
        if made:
            texts[f"{kind}.yaml"] = comment(f"{does}\n\n{how}") + "".join("---\n" + plain_yaml(resource) for resource in made)
    return texts


def _hosts(config: Config, location: Location) -> list[_Host]:
    found: dict[str, dict[int, bool]] = {}
    for backend in config.backends.values():
        url = urlsplit(backend.url)
        host, is_tls = url.hostname or "", url.scheme == "https"
        if backend.location is location and not is_loopback(host):  # what is in the pod itself passes no network
            found.setdefault(host, {})[url.port or (443 if is_tls else 80)] = is_tls
    return [_Host(name, tuple(sorted(ports.items()))) for name, ports in sorted(found.items())]


def _service_entry(host: _Host, around: Surroundings) -> Resource:
    # A name that resolves to nothing stands for a bare address: a service entry is found by one.
    label = host.name.replace(":", "-").replace(".", "-")
    known_as = {"hosts": [f"{label}.backend.tiermesh"], "addresses": [host.name]} if host.is_address else {"hosts": [host.name]}
    ports = [_port(number, is_tls=is_tls and not host.is_address) for number, is_tls in host.ports]
    spec = {
        **known_as,
        # An entry that names its own namespace hides it from the others it names; the dot does not.
        "exportTo": ["." if around.namespace == around.gateway_namespace else around.gateway_namespace],
        "location": "MESH_EXTERNAL",
        "ports": ports,
        "resolution": "STATIC" if host.is_address else "DNS",
    }
    if host.is_address:
        spec["endpoints"] = [{"address": host.name}]
    return _resource("networking.istio.io/v1", "ServiceEntry", f"tiermesh-{label}"[:253], around.namespace, spec)


def _port(number: int, *, is_tls: bool) -> Resource:
    # TLS, not HTTPS: our Envoy encrypts, and the mesh passes on what it cannot read.
    protocol = "TLS" if is_tls else "TCP"
    return {"number": number, "name": f"{protocol.lower()}-{number}", "protocol": protocol}


def _sidecar(namespace: str, around: Surroundings) -> Resource:
    spec: Resource = {"workloadSelector": {"labels": dict(around.app_labels)}} if around.app_labels else {}
    hosts = ["*/*"] if ANYWHERE in around.reachable else ["./*", *(f"{space}/*" for space in around.reachable if space != namespace)]
    spec |= {"outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}, "egress": [{"hosts": hosts}]}
    return _resource("networking.istio.io/v1", "Sidecar", NAME, namespace, spec)


def _egress_gateway(cloud: list[_Host], around: Surroundings) -> Iterator[Resource]:
    # A bare address cannot be told apart there: what an egress gateway sees is its own.
    named = [host.name for host in cloud if not host.is_address]
    if not around.egress_namespace or not named:
        return
    others = [{"source": {"notPrincipals": [around.principal]}}]
    asked = [name for host in named for name in (host, f"{host}:*")]
    rules: list[Resource] = [
        {"from": others, "when": [{"key": "connection.sni", "values": named}]},
        # Where the egress gateway begins the TLS. On a port without HTTP, Istio would read a rule that denies by host as one
        # that denies all, so it names the ports.
        {"from": others, "to": [{"operation": {"hosts": asked, "ports": list(_PLAIN_PORTS)}}]},
    ]
    spec = {"selector": {"matchLabels": dict(around.egress_labels)}, "action": "DENY", "rules": rules}
    yield _resource("security.istio.io/v1", "AuthorizationPolicy", f"{NAME}-gateway", around.egress_namespace, spec)


def _on_prem_services(own: list[_Host], around: Surroundings) -> Iterator[Resource]:
    ports: dict[str, set[int]] = {}
    for host in own:
        if around.guards_on_prem and host.cluster_namespace:
            ports.setdefault(host.cluster_namespace, set()).update(number for number, _ in host.ports)
    for namespace, numbers in sorted(ports.items()):
        rule = {
            "from": [{"source": {"notPrincipals": [around.principal]}}],
            "to": [{"operation": {"ports": [str(number) for number in sorted(numbers)]}}],
        }
        yield _resource("security.istio.io/v1", "AuthorizationPolicy", f"{NAME}-on-prem", namespace, {"action": "DENY", "rules": [rule]})


def _app_policy(namespace: str, around: Surroundings) -> Resource:
    if ANYWHERE in around.reachable:
        peers: list[Resource] = [{"namespaceSelector": {}}]
    else:
        others = [space for space in around.reachable if space not in (namespace, around.gateway_namespace)]
        peers = [{"podSelector": {}}, *(_pods_of(space) for space in others), _gateway(around)]
    spec = {"podSelector": _selector(around.app_labels), "policyTypes": ["Egress"], "egress": [_name_service(), {"to": peers}]}
    return _resource("networking.k8s.io/v1", "NetworkPolicy", NAME, namespace, spec)


def _gateway_policy(config: Config, around: Surroundings) -> Resource:
    ports = [{"protocol": "TCP", "port": number} for number in _outside_ports(config)]
    egress: list[Resource] = [_name_service(), {"to": [{"namespaceSelector": {}}]}]
    if ports:
        egress.append({"to": [{"ipBlock": dict(block)} for block in _OUTSIDE], "ports": ports})
    spec = {"podSelector": _selector(around.gateway_labels), "policyTypes": ["Egress"], "egress": egress}
    return _resource("networking.k8s.io/v1", "NetworkPolicy", f"{NAME}-gateway", around.gateway_namespace, spec)


def _outside_ports(config: Config) -> list[int]:
    """The ports of all that the gateway calls at an address of its own: backends, the store, receivers of telemetry, events and keys."""
    jwt = config.identity.jwt
    urls = [backend.url for backend in config.backends.values()]
    urls += [config.telemetry.otlp_endpoint, config.notices.webhook, jwt.jwks_url if jwt else ""]
    parts = [urlsplit(url) for url in urls if url]
    ports = {part.port or (443 if part.scheme == "https" else 80) for part in parts if not is_loopback(part.hostname or "")}
    store = config.store.url
    nodes = () if store in (spelling.EMBEDDED, spelling.NO_STORE) else parse_address(store).nodes
    return sorted(ports | {port for host, port in nodes if not is_loopback(host)})


def _name_service() -> Resource:
    return {"to": [{**_pods_of("kube-system"), "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}], "ports": _DNS}


def _pods_of(namespace: str) -> Resource:
    return {"namespaceSelector": {"matchLabels": {_NAMESPACE_LABEL: namespace}}}


def _gateway(around: Surroundings) -> Resource:
    return {**_pods_of(around.gateway_namespace), "podSelector": _selector(around.gateway_labels)}


def _selector(labels: Mapping[str, str]) -> Resource:
    return {"matchLabels": dict(labels)} if labels else {}


def _resource(api: str, kind: str, name: str, namespace: str, spec: Resource) -> Resource:
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": {"name": name.lower(), "namespace": namespace, "labels": dict(_MANAGED)},
        "spec": spec,
    }
