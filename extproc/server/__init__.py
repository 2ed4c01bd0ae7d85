"""The workers: gRPC transports, the ext_proc, access-log and health services, supervision, reload, drain, the metrics page.

What lives here moves messages and processes. What a request means and where it goes is decided in `pipeline` and the rooms.
Nothing is imported here, so that a worker loads only what it serves with.
"""
