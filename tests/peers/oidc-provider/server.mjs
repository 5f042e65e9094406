// server.mjs PACKAGES PORT_FILE: an issuer that is not ours, for the end-to-end tests.
//
// PACKAGES is the folder with `node_modules`. Clients `job-RS256` and `job-ES256` get JWT access tokens by
// client_credentials, signed with the first published key of that algorithm: so the package rotates keys, too.
// `POST /control/keys` with `[{ "kid": "a", "alg": "RS256" }, …]` publishes these and no others, in this order; a name
// that was used before is the same key as before.

import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [packages, portFile] = process.argv.slice(2);
const load = (file) => import(pathToFileURL(resolve(packages, "node_modules", file)).href);
const { Provider } = await load("oidc-provider/lib/index.js");
const { exportJWK, generateKeyPair } = await load("jose/dist/webapi/index.js");

const ALGORITHMS = ["RS256", "ES256"];
const SECRET = "not-a-secret";

const made = new Map();
let answer;

async function privateKey({ kid, alg }) {
  if (!made.has(kid)) {
    const { privateKey } = await generateKeyPair(alg, { extractable: true });
    made.set(kid, { ...(await exportJWK(privateKey)), kid, alg, use: "sig" });
  }
  return made.get(kid);
}

async function publish(iss, names) {
  const provider = new Provider(iss, {
    ttl: { ClientCredentials: 600 },
    jwks: { keys: await Promise.all(names.map(privateKey)) },
    clients: ALGORITHMS.map((alg) => ({
      client_id: `job-${alg}`,
      client_secret: SECRET,
      token_endpoint_auth_method: "client_secret_post",
      grant_types: ["client_credentials"],
      id_token_signed_response_alg: alg,
      redirect_uris: [],
      response_types: [],
    })),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, audience, client) => ({
          audience,
          scope: "read",
          accessTokenFormat: "jwt",
          accessTokenTTL: 600,
          jwt: { sign: { alg: client.clientId.replace("job-", "") } },
        }),
      },
    },
    enabledJWA: { idTokenSigningAlgValues: ALGORITHMS },
  });
  answer = provider.callback();
}

async function control(request, response) {
  let body = "";
  for await (const piece of request) body += piece;
  try {
    await publish(iss, JSON.parse(body));
    response.writeHead(204).end();
  } catch (error) {
    response.writeHead(400).end(String(error));
  }
}

const server = createServer((request, response) => {
  if (request.method === "POST" && request.url === "/control/keys") control(request, response);
  else answer(request, response);
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const { port } = server.address();
const iss = `http://127.0.0.1:${port}`;
await publish(iss, ALGORITHMS.map((alg) => ({ kid: `first-${alg}`, alg })));
writeFileSync(portFile, String(port));
