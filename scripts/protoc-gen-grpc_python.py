"""The gRPC generator that grpcio-tools keeps inside its own protoc, as a plugin that buf can call."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc

request = CodeGeneratorRequest.FromString(sys.stdin.buffer.read())
response = CodeGeneratorResponse(supported_features=CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL)
with TemporaryDirectory() as folder:
    descriptors, out = Path(folder, "descriptors"), Path(folder, "out")
    descriptors.write_bytes(FileDescriptorSet(file=request.proto_file).SerializeToString())
    out.mkdir()
    arguments = ["protoc", f"--descriptor_set_in={descriptors}", f"--grpc_python_out={out}"]
    if protoc.main([*arguments, *request.file_to_generate]) != 0:
        sys.exit("grpc_tools.protoc failed")
    for file in sorted(out.rglob("*.py")):
        response.file.add(name=file.relative_to(out).as_posix(), content=file.read_text())
sys.stdout.buffer.write(response.SerializeToString())
