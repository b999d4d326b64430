"""The messages of the service, which protoc would make of a .proto file."""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

METHODS = {
    "GetForecast": (False, False),
    "ListStations": (False, True),
    "ReportStorm": (False, False),
    "Upload": (True, False),
    "Shutdown": (False, False),
}
"""Each method: does it take a stream, does it give one?"""

file = descriptor_pb2.FileDescriptorProto(name="weather.proto", package="weather.v1", syntax="proto3")
message = file.message_type.add(name="Text")
message.field.add(name="text", number=1, type=9, label=1)
service = file.service.add(name="Weather")
for name, (takes, gives) in METHODS.items():
    method = service.method.add(name=name, input_type=".weather.v1.Text", output_type=".weather.v1.Text")
    method.client_streaming, method.server_streaming = takes, gives

pool = descriptor_pool.DescriptorPool()
pool.AddSerializedFile(file.SerializeToString())
Text = message_factory.GetMessageClass(pool.FindMessageTypeByName("weather.v1.Text"))
