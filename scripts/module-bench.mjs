// What the module itself takes for a request, in Node: a host that answers everything at once, signatures included, so
// that only our code is left. About 1 us of each number is this host. For what Envoy adds, see `just bench`.
//
//   node scripts/module-bench.mjs MODULE.wasm
//   node --perf-basic-prof ... under `perf record` names the functions, if MODULE was built with strip = "debuginfo".
import crypto from "node:crypto";
import { readFileSync } from "node:fs";
import { argv, exit } from "node:process";

const [file] = argv.slice(2);
if (file === undefined) {
  console.error("module-bench: give it a .wasm file");
  exit(2);
}

const DISTINCT = 10_000;
const ROUNDS = 5;
const REQUESTS = 40_000;
const ISSUER = "https://issuer.example";
const OK = 0;
const NOT_FOUND = 1;
const PLUGIN_CONFIGURATION = 7;
const ES256_KEY = crypto.generateKeyPairSync("ec", { namedCurve: "P-256" });
const RS256_KEY = crypto.generateKeyPairSync("rsa", { modulusLength: 2048 });
const NOW = Math.floor(Date.now() / 1000);

// === Tokens and policy ===

const base64url = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

/// A token like a Kubernetes service account's. Its signature is random: the host says that it is good.
function token(number) {
  const claims = {
    iss: ISSUER,
    sub: `system:serviceaccount:shop:cart-${number}`,
    aud: ["https://api.example"],
    iat: NOW,
    nbf: NOW,
    exp: NOW + 14_400,
    jti: crypto.randomUUID(),
    "kubernetes.io": {
      namespace: "shop",
      node: { name: "node-17", uid: crypto.randomUUID() },
      pod: { name: `cart-${number}-x7d2k`, uid: crypto.randomUUID() },
      serviceaccount: { name: `cart-${number}`, uid: crypto.randomUUID() },
    },
  };
  const signature = crypto.randomBytes(256).toString("base64url");
  return `${base64url({ alg: "RS256", kid: "bench", typ: "JWT" })}.${base64url(claims)}.${signature}`;
}

function policy(exchange) {
  const jwk = { ...RS256_KEY.publicKey.export({ format: "jwk" }), kid: "bench", use: "sig", alg: "RS256" };
  const snapshot = {
    authority: "https://cambist.example",
    issuers: [{ id: "main", iss: ISSUER, keys: { source: "inline", jwks: { keys: [jwk] } } }],
    clients: [{ client_id: "cl_bench", name: "Bench" }],
    bindings: [
      {
        id: "main",
        client_id: "cl_bench",
        issuer: "main",
        audiences: ["https://api.example"],
        allow_any_subject: true,
        scopes: ["read"],
        targets: ["https://upstream.example"],
      },
    ],
    routes: [
      { id: "all", host: "*", path: { prefix: "/" }, mode: "require", clients: ["cl_bench"], scopes: ["read"], exchange },
    ],
  };
  if (exchange === "gateway") {
    snapshot.signing_keys = [{ alg: "ES256", private_key: { env: "SIGNING_KEY" }, not_after: NOW + 86_000 }];
  }
  const clusters = { default: "issuers" };
  return JSON.stringify({ schema: "cambist.plugin/v1", gateway: "edge", clusters, readiness_path: "/ready", snapshot });
}

/// A header map as the host hands it over: a count, all sizes, then names and values, each with a zero behind it.
function headerMap(bearer) {
  const headers = {
    ":authority": "api.example",
    ":path": "/orders?page=2",
    ":method": "GET",
    ":scheme": "http",
    "user-agent": "shop-cart/2.31.0 (linux; amd64)",
    accept: "application/json",
    "accept-encoding": "gzip, deflate, br",
    "accept-language": "en",
    authorization: `Bearer ${bearer}`,
    "cache-control": "no-cache",
    "x-correlation-id": "0b6f6d0e-6f3c-4d57-8a66-1f2f6f2a9d11",
    traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "x-shop-region": "eu-central",
    "x-forwarded-proto": "http",
    "x-request-id": "3c8f7a52-90d1-4b7e-8a3e-1e9f5d2b6c70",
  };
  const parts = Object.entries(headers).flat();
  const sizes = Buffer.alloc(4 + 4 * parts.length);
  sizes.writeUInt32LE(parts.length / 2, 0);
  parts.forEach((part, index) => sizes.writeUInt32LE(part.length, 4 + 4 * index));
  return Buffer.concat([sizes, ...parts.map((part) => Buffer.from(`${part}\0`))]);
}

// === The host ===

/// The length-delimited fields of a protobuf message, by number.
function fields(message) {
  const found = {};
  for (let at = 0; at < message.length; ) {
    const number = message[at++] >> 3;
    let [size, shift, byte] = [0, 0, 0];
    do {
      byte = message[at++];
      size |= (byte & 0x7f) << shift;
      shift += 7;
    } while (byte & 0x80);
    found[number] = Buffer.from(message.subarray(at, at + size));
    at += size;
  }
  return found;
}

const YES = Uint8Array.of(8, 1);
const NO = Uint8Array.of(8, 0);

/// What Envoy does when it is asked in earnest, as the module does once to see what its host can.
function inEarnest(name, message) {
  const { 1: hash, 2: key, 3: third, 4: text } = fields(message);
  try {
    if (name === "sign") {
      const signature = crypto.sign(`${hash}`, third, { key, format: "der", type: "pkcs8" });
      return Uint8Array.of(8, 1, 0x12, signature.length, ...signature);
    }
    const good = crypto.verify(`${hash}`, text ?? Buffer.alloc(0), { key, format: "der", type: "spki" }, third);
    return good ? YES : NO;
  } catch {
    return NO;
  }
}

function load(exchange, maps) {
  const configuration = Buffer.from(policy(exchange));
  const pem = ES256_KEY.privateKey.export({ format: "pem", type: "pkcs8" });
  const environment = Buffer.from(`SIGNING_KEY=${pem}\0`);
  const signature = crypto.sign("sha256", Buffer.from("bench"), ES256_KEY.privateKey);
  const signed = Uint8Array.of(8, 1, 0x12, signature.length, ...signature);
  let [exports, current, isEarnest, refused] = [null, null, true, 0];
  let clock = BigInt(Date.now()) * 1_000_000n;
  const bytes = () => new Uint8Array(exports.memory.buffer);
  const view = () => new DataView(exports.memory.buffer);
  const text = (at, size) => Buffer.from(exports.memory.buffer, at, size).toString();
  const give = (data, at, size) => {
    const place = exports.proxy_on_memory_allocate(data.length);
    bytes().set(data, place);
    view().setUint32(at, place, true);
    view().setUint32(size, data.length, true);
    return OK;
  };
  const host = {
    proxy_log: (level, at, size) => (level >= 3 && console.error(text(at, size)), OK),
    proxy_get_current_time_nanoseconds: (at) => (view().setBigUint64(at, clock, true), OK),
    proxy_get_buffer_bytes: (kind, _start, _most, at, size) =>
      kind === PLUGIN_CONFIGURATION ? give(configuration, at, size) : NOT_FOUND,
    proxy_get_header_map_pairs: (_map, at, size) => give(current, at, size),
    proxy_call_foreign_function: (name, nameSize, message, messageSize, at, size) => {
      const called = text(name, nameSize);
      if (isEarnest) return give(inEarnest(called, bytes().slice(message, message + messageSize)), at, size);
      return give(called === "sign" ? signed : YES, at, size);
    },
    proxy_define_metric: (_kind, _name, _size, at) => (view().setUint32(at, 1, true), OK),
    proxy_send_local_response: () => ((refused += 1), OK),
    proxy_get_property: () => NOT_FOUND,
  };
  const wasi = {
    random_get: (at, size) => (crypto.randomFillSync(bytes(), at, size), OK),
    environ_sizes_get: (count, size) => (
      view().setUint32(count, 1, true), view().setUint32(size, environment.length, true), OK
    ),
    environ_get: (list, at) => (view().setUint32(list, at, true), bytes().set(environment, at), OK),
  };
  const module = new WebAssembly.Module(readFileSync(file));
  const imports = { env: {}, wasi_snapshot_preview1: {} };
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    imports[from][name] = host[name] ?? wasi[name] ?? (() => OK);
  }
  exports = new WebAssembly.Instance(module, imports).exports;
  exports._initialize();
  exports.proxy_on_context_create(1, 0);
  if (!exports.proxy_on_vm_start(1, 0) || !exports.proxy_on_configure(1, configuration.length)) {
    throw new Error("the module refuses its configuration");
  }
  isEarnest = false;
  let stream = 1;
  return () => {
    stream += 1;
    current = maps[stream % maps.length];
    exports.proxy_on_context_create(stream, 1);
    const action = exports.proxy_on_request_headers(stream, 15, 1);
    exports.proxy_on_delete(stream);
    if (action !== 0 || refused > 0) throw new Error("a request was not let through");
    if (stream % 500 === 0) {
      clock += 50_000_000n;
      exports.proxy_on_tick(1);
    }
  };
}

// === The measurement ===

const distinct = Array.from({ length: DISTINCT }, (_, number) => headerMap(token(number)));
const cases = [
  ["a hit", "none", distinct.slice(0, 1)],
  ["a hit, exchanged", "gateway", distinct.slice(0, 1)],
  ["a new token, verified", "none", distinct],
  ["a new token, exchanged", "gateway", distinct],
];
for (const [name, exchange, maps] of cases) {
  const request = load(exchange, maps);
  for (let warm = 0; warm < 2 * DISTINCT; warm += 1) request();
  const rounds = Array.from({ length: ROUNDS }, () => {
    const began = performance.now();
    for (let sent = 0; sent < REQUESTS; sent += 1) request();
    return ((performance.now() - began) * 1000) / REQUESTS;
  });
  rounds.sort((one, other) => one - other);
  console.log(`  ${name.padEnd(24)}${rounds[ROUNDS >> 1].toFixed(2)} us per request (least ${rounds[0].toFixed(2)})`);
}
