// verify.mjs PACKAGES: verifies access tokens with npm's `jose`, for the tests.
//
// PACKAGES is the folder with `node_modules`. Standard input is `{ "jwks": …, "cases": [{ "token", "authority", "audience",
// "now" }] }`, with `now` in Unix seconds or null for the present. Standard output is a list, for each case `{ "sub" }` or
// `{ "error" }` with the code of the refusal. A resource server of RFC 9068 is configured with just this; JWT-SVIDs, which
// say `JWT`, get what RFC 7519 knows.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [packages] = process.argv.slice(2);
const file = resolve(packages, "node_modules/jose/dist/webapi/index.js");
const { createLocalJWKSet, decodeProtectedHeader, jwtVerify } = await import(pathToFileURL(file).href);

const { jwks, cases } = JSON.parse(readFileSync(0, "utf8"));
const keys = createLocalJWKSet(jwks);

function rules(token) {
  try {
    if (decodeProtectedHeader(token).typ === "JWT") {
      return { typ: "JWT", requiredClaims: ["sub", "exp"] };
    }
  } catch {
    // The library says below what is wrong with it.
  }
  return { typ: "at+jwt", requiredClaims: ["sub", "client_id", "iat", "exp", "jti"] };
}

async function judge({ token, authority, audience, now }) {
  try {
    const { payload } = await jwtVerify(token, keys, {
      issuer: authority,
      audience,
      algorithms: ["ES256", "RS256"],
      currentDate: now === null ? undefined : new Date(now * 1000),
      ...rules(token),
    });
    return { sub: payload.sub };
  } catch (error) {
    return { error: error.code ?? String(error) };
  }
}

process.stdout.write(JSON.stringify(await Promise.all(cases.map(judge))));
