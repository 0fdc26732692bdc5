#!/usr/bin/env node
// Seals an API user's credentials for one connect job, as a portal does. Import `seal` into your portal, or run this as a program. It needs
// Node.js 18 or newer and no package: it implements base mode of RFC 9180 with one suite, for one message.
//
//     node deploy/portal/seal.mjs --job-id 0193b0a2 --tenant msp-4711 < input.json
//
// Standard input is the document that `autotask-worker keys publish` prints, with one more member:
//
//     { "keys": [ … ], "credentials": { "username": "…", "secret": "…", "integrationCode": "…" } }
//
// and standard output the value of the job's `data.credentials`. No secret is an argument or in the environment, where others could see it.

import { createCipheriv, createHmac, createPublicKey, diffieHellman, generateKeyPairSync } from "node:crypto";
import { readFileSync, realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const INFO = Buffer.from("autotask.job.connect/1");

/**
 * The member `credentials` of one job.
 *
 * It opens for this job id, tenant and product only. Send the same value again when you repeat the job under its id; another value needs
 * another id. Throws a `RangeError` when all published keys have expired: fetch the published keys again, and tell the operator if that does not
 * help.
 */
export function seal(keysDocument, jobId, tenant, product, credentials) {
  const key = usableKey(keysDocument);
  const { sharedSecret, enc } = encapsulate(key.publicKey);
  const plaintext = Buffer.from(JSON.stringify(credentials));
  const ciphertext = sealOnce(sharedSecret, plaintext, Buffer.from(`${jobId}|${tenant}|${product}`));
  return { keyId: key.keyId, enc: enc.toString("base64url"), ciphertext: ciphertext.toString("base64url") };
}

/** The first key whose time is not over. Skips keys of a kind that this program does not know. */
function usableKey(keysDocument) {
  const key = keysDocument.keys.find(({ kem, notAfter }) => kem === "X25519" && Date.parse(notAfter) > Date.now());
  if (!key) throw new RangeError("The time of every published key is over: fetch the keys again.");
  return key;
}

// RFC 9180: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.

const KEM_SUITE = Buffer.from("KEM\x00\x20", "latin1");
const HPKE_SUITE = Buffer.from("HPKE\x00\x20\x00\x01\x00\x02", "latin1");
const NOTHING = Buffer.alloc(0);

const hmac = (key, ...parts) => parts.reduce((mac, part) => mac.update(part), createHmac("sha256", key)).digest();

/** Section 4: LabeledExtract. */
const extract = (suite, salt, label, material) => hmac(salt, "HPKE-v1", suite, label, material);

/** Section 4: LabeledExpand, for at most the 32 bytes of one round of HKDF-Expand. */
const expand = (suite, key, label, info, length) =>
  hmac(key, Buffer.from([0, length]), "HPKE-v1", suite, label, info, Buffer.from([1])).subarray(0, length);

/** Section 4.1: Encap. `publicKey` is the recipient's, in base64url. */
function encapsulate(publicKey) {
  const ephemeral = generateKeyPairSync("x25519");
  const recipient = createPublicKey({ key: { kty: "OKP", crv: "X25519", x: publicKey }, format: "jwk" });
  const enc = Buffer.from(ephemeral.publicKey.export({ format: "jwk" }).x, "base64url");
  const context = Buffer.concat([enc, Buffer.from(publicKey, "base64url")]);
  const agreed = diffieHellman({ privateKey: ephemeral.privateKey, publicKey: recipient });
  const sharedSecret = expand(KEM_SUITE, extract(KEM_SUITE, NOTHING, "eae_prk", agreed), "shared_secret", context, 32);
  return { sharedSecret, enc };
}

/** Sections 5.1 and 6.1: the key schedule of mode base, and its first message with the tag behind it. */
function sealOnce(sharedSecret, plaintext, additionalData) {
  const context = Buffer.concat([
    Buffer.from([0]),
    extract(HPKE_SUITE, NOTHING, "psk_id_hash", NOTHING),
    extract(HPKE_SUITE, NOTHING, "info_hash", INFO),
  ]);
  const secret = extract(HPKE_SUITE, sharedSecret, "secret", NOTHING);
  const key = expand(HPKE_SUITE, secret, "key", context, 32);
  const nonce = expand(HPKE_SUITE, secret, "base_nonce", context, 12);
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(additionalData);
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

function main() {
  const text = { type: "string" };
  const { values } = parseArgs({ options: { "job-id": text, tenant: text, product: { ...text, default: "workplace" } } });
  if (!values["job-id"] || !values.tenant) throw new RangeError("--job-id and --tenant are needed.");
  if (!["workplace", "fileProtection"].includes(values.product)) throw new RangeError("--product is workplace or fileProtection.");
  const document = JSON.parse(readFileSync(0, "utf8"));
  console.log(JSON.stringify(seal(document, values["job-id"], values.tenant, values.product, document.credentials)));
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    main();
  } catch (error) {
    // The parser's own message would quote its input.
    console.error(`seal.mjs: ${error instanceof SyntaxError ? "Standard input is not JSON." : error.message}`);
    process.exitCode = 1;
  }
}
