import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { CliFailure, usageFailure } from "./failure.ts";
import { EXIT } from "./exit-codes.ts";
import type { Io } from "./io.ts";

/** Where the platform is and who asks. */
export interface Connection {
  readonly apihost: URL;
  /** Where the API host was found, for messages. */
  readonly apihostFrom: string;
  /** `uuid:key`; a failure that says where it was looked for, thrown when a command needs it. */
  readonly auth: () => string;
  /** Accept any certificate (`--insecure`). */
  readonly insecure: boolean;
}

export interface ConnectionFlags {
  readonly apihost?: string;
  readonly auth?: string;
  readonly insecure?: boolean;
}

/** Whose key a command needs: one of the caller's own, or the one that administers. */
export type KeyOf = "caller" | "whisk.system";

const DEFAULT_APIHOST = "http://127.0.0.1:3233";
const AUTH_SHAPE = /^[^:\s]+:[^:\s]+$/;

/**
 * Finds the API host and the key: flags, then `SKEIN_APIHOST`/`SKEIN_AUTH`, then `__OW_API_HOST`/`__OW_API_KEY` (inside an
 * action), then `~/.wskprops`, then this machine's own platform with the guest key from its data folder. A key from a file goes
 * only to the host that the file is about, so that a flag or a variable never carries one platform's key to another. The key of
 * whisk.system is looked for where only operators have it: `--auth`, `SKEIN_SYSTEM_KEY`, the data folder.
 */
export function connectionOf(
  flags: ConnectionFlags,
  io: Pick<Io, "env" | "home">,
  keyOf: KeyOf = "caller",
): Connection {
  const props = wskProps(io);
  const [host, apihostFrom] = firstOf([
    [flags.apihost, "--apihost"],
    [io.env["SKEIN_APIHOST"], "SKEIN_APIHOST"],
    [io.env["__OW_API_HOST"], "__OW_API_HOST"],
    [props.get("APIHOST"), "~/.wskprops"],
    [DEFAULT_APIHOST, "the default"],
  ]);
  const apihost = parseApihost(host, apihostFrom);
  return {
    apihost,
    apihostFrom,
    auth: () => (keyOf === "caller" ? findAuth(flags, io, { apihost, props }) : findSystemKey(flags, io, apihost)),
    insecure: flags.insecure === true,
  };
}

/** A host as people write it: a URL, or `host[:port]`, where plain HTTP is meant for this machine only. */
export function parseApihost(text: string, from: string): URL {
  const bare = text.trim();
  const scheme = /^https?:\/\//.test(bare) ? "" : isLoopbackHost(bare.replace(/:\d+$/, "")) ? "http://" : "https://";
  const whole = URL.parse(scheme + bare);
  if (whole === null || whole.hostname === "") {
    throw usageFailure(
      `the API host ${JSON.stringify(text)} (from ${from}) is not a URL`,
      `write it as ${DEFAULT_APIHOST}`,
    );
  }
  whole.pathname = whole.pathname.replace(/\/+(?:api\/v1\/?)?$/, "");
  return whole;
}

interface Found {
  readonly apihost: URL;
  readonly props: ReadonlyMap<string, string>;
}

function findAuth(flags: ConnectionFlags, io: Pick<Io, "env" | "home">, { apihost, props }: Found): string {
  const named = [flags.auth, io.env["SKEIN_AUTH"], io.env["__OW_API_KEY"]].find((auth) => filled(auth));
  if (named !== undefined) return checkedAuth(named.trim());
  const propsHost = props.get("APIHOST");
  const propsAuth = props.get("AUTH");
  const propsMeant = propsHost === undefined || parseApihost(propsHost, "~/.wskprops").host === apihost.host;
  if (propsAuth !== undefined && propsHost !== undefined && propsMeant) return checkedAuth(propsAuth);

  const keyFile = keyFileOf("guest", io);
  const local = localKey(keyFile, apihost);
  if (local !== undefined) return local;
  if (propsAuth !== undefined && propsMeant) return checkedAuth(propsAuth);
  throw new CliFailure(EXIT.notAuthorised, `there is no key for ${apihost.origin}`, {
    why: isLoopbackHost(apihost.hostname)
      ? `${keyFile} is not there, and neither --auth, SKEIN_AUTH nor ~/.wskprops gives one`
      : "neither --auth, SKEIN_AUTH nor ~/.wskprops gives one for this host",
    fix: "start the platform with `npm start` (or set SKEIN_DATA_DIR to its data folder), or give --auth uuid:key",
  });
}

function findSystemKey(flags: ConnectionFlags, io: Pick<Io, "env" | "home">, apihost: URL): string {
  const named = [flags.auth, io.env["SKEIN_SYSTEM_KEY"]].find((auth) => filled(auth));
  if (named !== undefined) return checkedAuth(named.trim());
  const keyFile = keyFileOf("whisk.system", io);
  const local = localKey(keyFile, apihost);
  if (local !== undefined) return local;
  throw new CliFailure(EXIT.notAuthorised, `there is no key of whisk.system for ${apihost.origin}`, {
    why: isLoopbackHost(apihost.hostname)
      ? `${keyFile} is not there, and neither --auth nor SKEIN_SYSTEM_KEY gives one`
      : "neither --auth nor SKEIN_SYSTEM_KEY gives one; the one of the data folder is for this machine",
    fix: "set SKEIN_DATA_DIR to the platform's data folder, or give --auth uuid:key of whisk.system",
  });
}

function keyFileOf(namespace: string, io: Pick<Io, "env" | "home">): string {
  return join(dataFolder(io), "keys", namespace);
}

/** The key in a file of this machine's platform, for this machine only. */
function localKey(file: string, apihost: URL): string | undefined {
  if (!isLoopbackHost(apihost.hostname)) return undefined;
  const key = readIfThere(file);
  return key === undefined ? undefined : checkedAuth(key.trim());
}

function dataFolder(io: Pick<Io, "env" | "home">): string {
  const given = io.env["SKEIN_DATA_DIR"];
  if (given === undefined || given === "") return join(io.home, ".skein");
  return given.startsWith("~/") ? join(io.home, given.slice(2)) : resolve(given);
}

function checkedAuth(auth: string): string {
  if (AUTH_SHAPE.test(auth)) return auth;
  throw new CliFailure(EXIT.notAuthorised, "the key is not of the form uuid:key", {
    fix: "copy it whole, with the colon, as `skein up` shows it",
  });
}

function wskProps(io: Pick<Io, "env" | "home">): ReadonlyMap<string, string> {
  const text = readIfThere(io.env["WSK_CONFIG_FILE"] ?? join(io.home, ".wskprops")) ?? "";
  const pairs = text.split(/\r?\n/).flatMap((line): [string, string][] => {
    const match = /^\s*([A-Z_]+)\s*=\s*(.*?)\s*$/.exec(line);
    return match?.[1] === undefined || !filled(match[2]) ? [] : [[match[1], match[2] ?? ""]];
  });
  return new Map(pairs);
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR")) {
      return undefined;
    }
    throw usageFailure(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function isLoopbackHost(host: string): boolean {
  return host === "localhost" || host === "[::1]" || host === "::1" || /^127(?:\.\d+){3}$/.test(host);
}

function firstOf(candidates: readonly (readonly [string | undefined, string])[]): readonly [string, string] {
  for (const [value, from] of candidates) {
    if (value !== undefined && filled(value)) return [value, from];
  }
  return [DEFAULT_APIHOST, "the default"];
}

function filled(text: string | undefined): boolean {
  return text !== undefined && text.trim() !== "";
}
