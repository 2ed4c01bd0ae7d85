"""Who sends a request, and what they may reach: pure functions from evidence to a caller, and from a scope to its rights.

What lives here reads what Envoy vouches for: certificates, verified claims, headers of trusted peers, digests of keys. It
opens no key file and asks nobody. Whose word counts is configuration; see `extproc.config.identity`.
"""

from extproc.identity.access import Rights, denied_model, rights_of
from extproc.identity.caller import ANYBODY, Caller, Evidence, identify, unbelieved
from extproc.identity.credential import credential_name, key_digest

__all__ = [
    "ANYBODY",
    "Caller",
    "Evidence",
    "Rights",
    "credential_name",
    "denied_model",
    "identify",
    "key_digest",
    "rights_of",
    "unbelieved",
]
