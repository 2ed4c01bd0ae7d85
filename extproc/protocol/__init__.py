"""The wire: the part of Envoy's protobuf API that the data path speaks, and nothing that interprets it.

`envoy.proto` is the source; `envoy_pb2` is generated from it (`make proto`) and parsed by protobuf's C implementation.
"""
