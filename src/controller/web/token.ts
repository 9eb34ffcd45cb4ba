import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";
import { type ActivationId, asId, entityNameFault, isActivationId, type Namespace } from "../../kernel/ids.ts";
import { type Extension, EXTENSIONS } from "./address.ts";

/**
 * Names the answer of a web action that took longer than its caller may wait. Everything needed to give it later is in the token
 * itself, signed, so that no store holds tokens and any controller can answer: nobody can make one, or turn his own into another.
 *
 *     version 1 | extension 1 | flags 1 | seconds of expiry 4 | activation id 16 | namespace 1..256 | HMAC-SHA-256 32
 *
 * in base64url. The key is derived from that of `whisk.system`: it survives restarts, is the same everywhere, and when the system's
 * key is revoked the tokens go with it.
 */
export interface WebResultToken {
  readonly activationId: ActivationId;
  /** In whose records the activation is. */
  readonly namespace: Namespace;
  readonly extension: Extension;
  /** The action does its own CORS. */
  readonly customOptions: boolean;
  /** Epoch milliseconds; kept to the second. */
  readonly expiresAt: number;
}

/** Where late answers are fetched: this, and a token. */
export const WEB_RESULTS_PREFIX = "/api/v1/web-results/";

const VERSION = 1;
const CUSTOM_OPTIONS = 1;
const HEAD_BYTES = 23;
const MAC_BYTES = 32;
const NAMESPACE_BYTES_MAX = 256;
const LENGTH_MAX = Math.ceil(((HEAD_BYTES + NAMESPACE_BYTES_MAX + MAC_BYTES) * 4) / 3);

/** The key of tokens, from the key (`uuid:key`) of `whisk.system`. */
export function tokenKeyOf(systemKey: string): Buffer {
  return Buffer.from(hkdfSync("sha256", systemKey, "", "skein web-results v1", 32));
}

export function encodeToken(token: WebResultToken, key: Buffer): string {
  const { activationId, namespace, extension, customOptions, expiresAt } = token;
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt8(VERSION, 0);
  head.writeUInt8(EXTENSIONS.indexOf(extension), 1);
  head.writeUInt8(customOptions ? CUSTOM_OPTIONS : 0, 2);
  head.writeUInt32BE(Math.floor(expiresAt / 1000), 3);
  head.write(activationId, 7, "hex");
  const content = Buffer.concat([head, Buffer.from(namespace)]);
  return Buffer.concat([content, macOf(content, key)]).toString("base64url");
}

/** Undefined when it was not made with this key, or has expired. */
export function decodeToken(text: string, key: Buffer, wallMs: number): WebResultToken | undefined {
  if (text.length > LENGTH_MAX) return undefined;
  const bytes = Buffer.from(text, "base64url");
  // Decoding forgives much; what is not written as we write it is not ours.
  if (bytes.length <= HEAD_BYTES + MAC_BYTES || bytes.toString("base64url") !== text) return undefined;
  const content = bytes.subarray(0, -MAC_BYTES);
  if (!timingSafeEqual(bytes.subarray(-MAC_BYTES), macOf(content, key))) return undefined;
  const expiresAt = content.readUInt32BE(3) * 1000;
  if (content.readUInt8(0) !== VERSION || expiresAt <= wallMs) return undefined;
  const extension = EXTENSIONS[content.readUInt8(1)];
  const activationId = content.toString("hex", 7, HEAD_BYTES);
  const namespace = content.toString("utf8", HEAD_BYTES);
  // A signed token is one of ours; a later version of ours may know more than this one.
  if (extension === undefined || !isActivationId(activationId) || entityNameFault(namespace) !== undefined) {
    return undefined;
  }
  const customOptions = (content.readUInt8(2) & CUSTOM_OPTIONS) !== 0;
  return { activationId, namespace: asId(namespace), extension, customOptions, expiresAt };
}

function macOf(content: Buffer, key: Buffer): Buffer {
  return createHmac("sha256", key).update(content).digest();
}
