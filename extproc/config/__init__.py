"""`tiermesh.yaml`: its shape, reading it with every problem at once, the tables made from it, and its reload.

What lives here turns text into a `Config` (what the operator wrote), and a `Config` into a `Policy` (what the request path
reads). What must not live here: decisions about requests, anything of Envoy's configuration, and sockets.
"""

from extproc.config.advice import warnings
from extproc.config.compile import compile_config
from extproc.config.compiled import Admission, Backend, Limit, Policy, Tier, base_path, chain_name, chains_of
from extproc.config.load import load, parse
from extproc.config.running import clusters_needed, restart_needed
from extproc.config.section import Api, Capability, Location
from extproc.config.types import Config
from extproc.config.watch import ConfigWatcher, Loaded, Reload, loaded
from extproc.errors import ConfigError, Problem
from extproc.pricebook import Price, Tariff

__all__ = [
    "Admission",
    "Api",
    "Backend",
    "Capability",
    "Config",
    "ConfigError",
    "ConfigWatcher",
    "Limit",
    "Loaded",
    "Location",
    "Policy",
    "Price",
    "Problem",
    "Reload",
    "Tariff",
    "Tier",
    "base_path",
    "chain_name",
    "chains_of",
    "clusters_needed",
    "compile_config",
    "load",
    "loaded",
    "parse",
    "restart_needed",
    "warnings",
]
