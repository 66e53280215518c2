// The contract, in two ways: from the .proto files, or asked of the mesh itself by server reflection.
// Both give clients of the same three services, whose messages are plain objects with the contract's own names.

import grpc from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";

const SHAPE = { keepCase: true, enums: String, longs: Number, defaults: true, oneofs: true };
const SERVICES = ["JobService", "BlobService", "MeshService"];

// snippet protos
/** Load the contract from the folder that holds `collatio/v1/*.proto`. */
export function fromProtos(folder) {
  return protoLoader.loadSync("collatio/v1/gateway.proto", { ...SHAPE, includeDirs: [folder] });
}
// snippet ends

// snippet reflection
const REFLECTION = protoLoader.fromJSON({
  nested: {
    grpc: { nested: { reflection: { nested: { v1: { nested: {
      ServerReflection: { methods: { ServerReflectionInfo: {
        requestType: "Request", requestStream: true, responseType: "Response", responseStream: true,
      } } },
      Request: { fields: { symbol: { type: "string", id: 4 } } },
      Response: { fields: { files: { type: "Files", id: 4 } } },
      Files: { fields: { file: { rule: "repeated", type: "bytes", id: 1 } } },
    } } } } } },
  },
});

/** Ask a mesh for its contract: the files that define its services, and all that these import. */
export async function fromReflection(target) {
  const { ServerReflection } = grpc.loadPackageDefinition(REFLECTION).grpc.reflection.v1;
  const client = new ServerReflection(target, grpc.credentials.createInsecure());
  const call = client.ServerReflectionInfo();
  call.end({ symbol: "collatio.v1.JobService" });
  const files = [];
  for await (const response of call) files.push(...response.files.file);
  client.close();
  return protoLoader.loadFileDescriptorSetFromBuffer(descriptorSet(files), SHAPE);
}

/** Write a google.protobuf.FileDescriptorSet: its one field, number 1, holds the files as they came. */
function descriptorSet(files) {
  const parts = files.flatMap((file) => {
    const head = [0x0a];
    let length = file.length;
    for (; length > 0x7f; length >>>= 7) head.push((length & 0x7f) | 0x80);
    return [Buffer.from([...head, length]), file];
  });
  return Buffer.concat(parts);
}
// snippet ends

// snippet connect
/** Make clients. Unary calls wait for a gateway that is being replaced, and are tried again on UNAVAILABLE. */
export function connect(target, definition) {
  const retry = { maxAttempts: 5, initialBackoff: "0.1s", maxBackoff: "2s", backoffMultiplier: 2,
    retryableStatusCodes: ["UNAVAILABLE"] };
  const options = { "grpc.service_config": JSON.stringify({
    loadBalancingConfig: [{ round_robin: {} }],
    methodConfig: SERVICES.map((name) => ({ name: [{ service: `collatio.v1.${name}` }], retryPolicy: retry })),
  }) };
  const { v1 } = grpc.loadPackageDefinition(definition).collatio;
  return SERVICES.map((name) => new v1[name](target, grpc.credentials.createInsecure(), options));
}

/** Make a unary call as a promise, with a deadline. */
export function unary(client, method, request, timeoutMs = 30_000) {
  return new Promise((resolve, reject) => {
    const metadata = new grpc.Metadata({ waitForReady: true });
    const options = { deadline: Date.now() + timeoutMs };
    client[method](request, metadata, options, (error, answer) => (error ? reject(error) : resolve(answer)));
  });
}
// snippet ends

// snippet errors
const DETAILS = grpc.loadPackageDefinition(protoLoader.fromJSON({
  nested: {
    Status: { fields: { details: { rule: "repeated", type: "Any", id: 3 } } },
    Any: { fields: { url: { type: "string", id: 1 }, value: { type: "bytes", id: 2 } } },
    ErrorInfo: { fields: { reason: { type: "string", id: 1 }, domain: { type: "string", id: 2 } } },
    // What makes of the messages above something that can be read: a method that takes each.
    Reader: { methods: {
      Status: { requestType: "Status", responseType: "Status" },
      ErrorInfo: { requestType: "ErrorInfo", responseType: "ErrorInfo" },
    } },
  },
})).Reader.service;

/** Return the reason to branch on ("JOB_NOT_FOUND"); "" for an error that is not collatio's own. */
export function reasonOf(error) {
  for (const bytes of error.metadata?.get("grpc-status-details-bin") ?? []) {
    for (const { url, value } of DETAILS.Status.requestDeserialize(bytes).details ?? []) {
      if (!url.endsWith("/google.rpc.ErrorInfo")) continue;
      const info = DETAILS.ErrorInfo.requestDeserialize(value);
      if (info.domain === "collatio") return info.reason;
    }
  }
  return "";
}
// snippet ends
