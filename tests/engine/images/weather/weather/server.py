"""A gRPC server of weather. Its methods open files and load modules that nothing else does."""

import importlib
import os
import signal
import threading
from concurrent import futures
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from weather.messages import METHODS, Text, pool

FOLDER = Path(__file__).parent


def get_forecast(request, context):
    return Text(text=(FOLDER / "forecast.txt").read_text())


def list_stations(request, context):
    for line in (FOLDER / "stations.csv").read_text().splitlines():
        yield Text(text=line)


def report_storm(request, context):
    importlib.import_module("weather." + "".join(["st", "orm"])).warn(request.text)
    return Text(text="warned")


def upload(requests, context):
    return Text(text=str(len(list(requests))))


def shutdown(request, context):
    os._exit(1)


DOES = dict(zip(METHODS, (get_forecast, list_stations, report_storm, upload, shutdown), strict=True))


def handler(name, takes, gives):
    make = getattr(grpc, f"{'stream' if takes else 'unary'}_{'stream' if gives else 'unary'}_rpc_method_handler")
    return make(DOES[name], Text.FromString, Text.SerializeToString)


def main():
    server = grpc.server(futures.ThreadPoolExecutor(8))
    handlers = {name: handler(name, *kind) for name, kind in METHODS.items()}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("weather.v1.Weather", handlers)])
    checks = health.HealthServicer()
    checks.set("weather.v1.Weather", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    reflection.enable_server_reflection(["weather.v1.Weather", reflection.SERVICE_NAME], server, pool=pool)
    server.add_insecure_port("0.0.0.0:50051")
    server.start()
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    ended.wait()
    server.stop(1).wait()


if __name__ == "__main__":
    main()
