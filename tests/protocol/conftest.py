"""Imports envoy-data-plane before the tests do: it warns of its own use of pydantic, and here warnings are errors."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from envoy_data_plane.envoy.service.accesslog import v3 as _access_log  # noqa: F401
    from envoy_data_plane.envoy.service.ext_proc import v3 as _ext_proc  # noqa: F401
