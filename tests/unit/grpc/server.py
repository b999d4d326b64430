"""A real gRPC server with reflection and health, as the source of an app (tests.unit.local_app). It opens a "file" by printing a line.

Its variables are set before: LOG is a file for the names of the methods that were called.
"""

from __future__ import annotations

SERVER = """
import os, sys, threading, time
from concurrent import futures
import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

LOG = globals().get("LOG", os.devnull)
FEATURES = globals().get("FEATURES", {"reflection", "health"})
UNARY, GIVES, TAKES, BOTH = (False, False), (False, True), (True, False), (True, True)
METHODS = {
    "GetMenu": UNARY, "CreateOrder": UNARY, "RemoveOrder": UNARY, "Break": UNARY, "Validate": UNARY, "ListOrders": GIVES,
    "WatchPrices": GIVES, "Upload": TAKES, "Chat": BOTH, "ShutDown": UNARY, "Restart": UNARY, "GetPair": UNARY,
} | globals().get("MORE", {})

pool = descriptor_pool.DescriptorPool()
file = descriptor_pb2.FileDescriptorProto(name="shop.proto", package="shop.v1", syntax="proto3")
file.message_type.add(name="Ask").field.add(name="name", number=1, type=9, label=1)
text = file.message_type.add(name="Text")
text.field.add(name="text", number=1, type=9, label=1)
text.field.add(name="inner", number=2, type=11, label=1, type_name=".shop.v1.Ask")
text.field.add(name="number", number=3, type=3, label=1)
service = file.service.add(name="Shop")
for name, (takes, gives) in METHODS.items():
    method = service.method.add(name=name, input_type=".shop.v1.Ask", output_type=".shop.v1.Text")
    method.client_streaming, method.server_streaming = takes, gives
pool.Add(file) if hasattr(pool, "Add") else pool.AddSerializedFile(file.SerializeToString())
Ask, Text = (message_factory.GetMessageClass(pool.FindMessageTypeByName(f"shop.v1.{n}")) for n in ("Ask", "Text"))
OPENED, ORDERS, SERVERS = set(), [], []

def opens(name):
    if name not in OPENED:
        OPENED.add(name)
        print("open", name, flush=True)

def get_menu(request, context):
    opens("menu.txt")
    return Text(text=f"soup for {request.name or 'all'}", number=-1)

def get_pair(request, context):
    return Text(inner=Ask(name="\\x01 and \\u00e9"), number=7)

def create_order(request, context):
    ORDERS.append(request.name)
    return Text(number=len(ORDERS))

def remove_order(request, context):
    if not ORDERS:
        context.abort(grpc.StatusCode.NOT_FOUND, "there is no order")
    opens("removed.tmpl")
    ORDERS.pop()
    return Text()

def break_(request, context):
    opens("failure.tmpl")
    raise FileNotFoundError("/srv/broken.txt")

def validate(request, context):
    context.abort(grpc.StatusCode.INVALID_ARGUMENT, "a name is needed: \\u00e9")

def list_orders(request, context):
    yield from (Text(number=n) for n in range(3))

def watch_prices(request, context):
    opens("prices.csv")
    n = 0
    while context.is_active():
        yield Text(number=n)
        n += 1
        time.sleep(PRICES)

PRICES = globals().get("PRICES", 0.001)

def end_app(request, context):
    os._exit(3)

def take(requests, context):
    return Text(number=len(list(requests)))

def chat(requests, context):
    yield from (Text(text=one.name) for one in requests)

def hang(request, context):
    while context.is_active():
        time.sleep(0.05)
    return Text()

DOES = {
    "GetMenu": get_menu, "GetPair": get_pair, "CreateOrder": create_order, "RemoveOrder": remove_order, "Break": break_, "Validate": validate,
    "ListOrders": list_orders, "WatchPrices": watch_prices, "Upload": take, "Chat": chat, "ShutDown": end_app, "Restart": end_app,
    "Crash": end_app, "Hang": hang, "ProvokeEnd": end_app,
}

def logged(name):
    def call(request, context):
        with open(LOG, "a") as log:
            print(name, file=log)
        return DOES[name](request, context)
    return call

def handler(name, takes, gives):
    make = getattr(grpc, f"{'stream' if takes else 'unary'}_{'stream' if gives else 'unary'}_rpc_method_handler")
    return make(logged(name), Ask.FromString, Text.SerializeToString)

def serve_grpc(port, tls=None):
    server = grpc.server(futures.ThreadPoolExecutor(20), options=[("grpc.so_reuseport", 0)])
    handlers = {name: handler(name, *kind) for name, kind in METHODS.items()}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("shop.v1.Shop", handlers)])
    if "health" in FEATURES:
        checks = health.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(checks, server)
        states = health_pb2.HealthCheckResponse
        checks.set("shop.v1.Shop", states.SERVING)
        if "slow" in FEATURES:
            checks.set("", states.NOT_SERVING)
            threading.Timer(1.0, lambda: checks.set("", states.SERVING)).start()
    if "reflection" in FEATURES:
        names = ["shop.v1.Shop", "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"]
        reflection.enable_server_reflection(names, server, pool=pool)
    if tls:
        pem = open(tls, "rb").read()
        server.add_secure_port(f"127.0.0.1:{port}", grpc.ssl_server_credentials([(pem, pem)]))
    else:
        server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    SERVERS.append(server)
"""
