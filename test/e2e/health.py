"""Asks a bridge for its health by Python's own client: `check ADDRESS SERVICE…` or `watch ADDRESS SERVICE`."""

import sys

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

command, address, *services = sys.argv[1:]
name = HealthCheckResponse.ServingStatus.Name

with grpc.insecure_channel(address) as channel:
    health = HealthStub(channel)
    for service in services:
        request = HealthCheckRequest(service=service)
        if command == "watch":
            for answer in health.Watch(request):
                print(name(answer.status), flush=True)
            continue
        try:
            print(service, name(health.Check(request).status))
        except grpc.RpcError as error:
            print(service, error.code().name)
