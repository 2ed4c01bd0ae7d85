"""Filters that run only for some requests: an extension wrapped in a matcher on a request header."""

from __future__ import annotations

import betterproto2
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.extensions.common.matching import v3 as matching
from envoy_data_plane.envoy.extensions.filters.common.matcher.action import v3 as actions
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager import v3 as hcm
from envoy_data_plane.envoy.type.matcher import v3 as inputs
from envoy_data_plane.google.protobuf import Any
from envoy_data_plane.xds.core import v3 as xds_core
from envoy_data_plane.xds.type.matcher import v3 as xds

ATTEMPT_HEADER = "x-envoy-attempt-count"  # set by the router before each attempt, from 1


def http_filter(name: str, message: betterproto2.Message) -> hcm.HttpFilter:
    """An HTTP filter called `name`, configured by `message`."""
    return hcm.HttpFilter(name=name, typed_config=Any.pack(message))


def only_on_attempt(number: int, name: str, inner: core.TypedExtensionConfig) -> hcm.HttpFilter:
    """`inner` as an upstream filter called `name` that runs on one attempt."""
    return _unless(_not(_header_is(ATTEMPT_HEADER, xds.StringMatcher(exact=str(number)))), name, inner)


def only_after_first_attempt(name: str, inner: core.TypedExtensionConfig) -> hcm.HttpFilter:
    """`inner` as an upstream filter called `name` that runs on the second attempt and later."""
    return _unless(_header_is(ATTEMPT_HEADER, xds.StringMatcher(exact="1")), name, inner)


def _unless(skip: xds.MatcherMatcherListPredicate, name: str, inner: core.TypedExtensionConfig) -> hcm.HttpFilter:
    action = xds_core.TypedExtensionConfig(name="skip", typed_config=Any.pack(actions.SkipFilter()))
    rule = xds.MatcherMatcherListFieldMatcher(predicate=skip, on_match=xds.MatcherOnMatch(action=action))
    matcher = xds.Matcher(matcher_list=xds.MatcherMatcherList(matchers=[rule]))
    return http_filter(name, matching.ExtensionWithMatcher(extension_config=inner, xds_matcher=matcher))


def _header_is(header: str, value: xds.StringMatcher) -> xds.MatcherMatcherListPredicate:
    source = xds_core.TypedExtensionConfig(name=header, typed_config=Any.pack(inputs.HttpRequestHeaderMatchInput(header_name=header)))
    return xds.MatcherMatcherListPredicate(single_predicate=xds.MatcherMatcherListPredicateSinglePredicate(input=source, value_match=value))


def _not(predicate: xds.MatcherMatcherListPredicate) -> xds.MatcherMatcherListPredicate:
    return xds.MatcherMatcherListPredicate(not_matcher=predicate)
