"""Calls of gRPC servers: slimmer recognises them by what a port answers, asks for their services, and calls each method once.

The protocol: "gRPC over HTTP2" (github.com/grpc/grpc, doc/PROTOCOL-HTTP2.md), over RFC 9113. The services come from server reflection
(grpc.reflection.v1), and their health from grpc.health.v1.
"""
