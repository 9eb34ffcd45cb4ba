import type { AnswerBody } from "../factory.ts";
import type { JsonValue } from "../../kernel/json.ts";

/** A container's whole answer, and what its connection is worth afterwards. */
export interface Response {
  readonly status: number;
  readonly body: AnswerBody;
  /** False when the connection has to be closed: it said so, sent too much, or the rest of a long body was not read. */
  readonly reusable: boolean;
}

interface Head {
  readonly status: number;
  readonly length: number;
  readonly keepAlive: boolean;
}

const HEAD_BYTES_MAX = 16_384;
const HEAD_END = Buffer.from("\r\n\r\n");
const STATUS_LINE = /^HTTP\/1\.([01]) (\d{3})(?: [^\r\n]*)?$/;
const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/;
/** The head that Skein's own runtime writes: what the strict reading below makes of it takes one match instead of thirty steps. */
const OWN_HEAD = /^HTTP\/1\.1 ([2-5]\d\d) [A-Za-z ]*\r\nContent-Type: application\/json\r\nContent-Length: (\d{1,15})$/;
const LENGTH = /^\d{1,15}$/;
const CUT_WITHOUT_LAST = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Reads one HTTP/1.1 answer as strictly as it is written: a status from 200 up but never 204 or 304, one content-length, no
 * transfer-encoding. Anything else is no answer at all (OpenWhisk's reading too), because guessing where a body ends is how
 * bytes of one answer come to stand in the next.
 */
export class ResponseReader {
  readonly #bytesMax: number;
  /** Bytes of an unfinished head. */
  #head: Buffer | undefined;
  #parsed: Head | undefined;
  #body: Buffer | undefined;
  #filled = 0;

  /** Bodies are kept up to `bytesMax` bytes. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /**
   * Adds bytes as they come; `chunk` is only borrowed for the call. Gives the answer once it is whole (or as long as it may
   * be), "more" until then, and "invalid" when it never can be.
   */
  take(chunk: Buffer): Response | "more" | "invalid" {
    if (this.#parsed !== undefined) return this.#fill(this.#parsed, chunk);
    const bytes = this.#head === undefined ? chunk : Buffer.concat([this.#head, chunk]);
    const end = bytes.indexOf(HEAD_END);
    if (end < 0 || end > HEAD_BYTES_MAX) {
      if (bytes.length > HEAD_BYTES_MAX) return "invalid";
      this.#head = this.#head === undefined ? Buffer.from(bytes) : bytes;
      return "more";
    }
    this.#head = undefined;
    const head = headOf(bytes.toString("latin1", 0, end));
    if (head === undefined) return "invalid";
    const rest = bytes.subarray(end + HEAD_END.length);
    // The usual case: everything in one read, parsed where it lies.
    if (rest.length >= head.length && head.length <= this.#bytesMax) return answerOf(head, rest);
    this.#parsed = head;
    return this.#fill(head, rest);
  }

  #fill(head: Head, chunk: Buffer): Response | "more" {
    const wanted = Math.min(head.length, this.#bytesMax);
    this.#body ??= Buffer.allocUnsafe(wanted);
    const copied = chunk.copy(this.#body, this.#filled);
    this.#filled += copied;
    if (this.#filled < wanted) return "more";
    if (head.length > wanted) return truncatedOf(head, this.#body);
    return answerOf({ ...head, keepAlive: head.keepAlive && copied === chunk.length }, this.#body);
  }
}

/** What a head says; undefined when it is none that counts. */
export function headOf(text: string): Head | undefined {
  const [, status, length] = OWN_HEAD.exec(text) ?? [];
  if (status === undefined || status === "204" || status === "304") return parseHead(text);
  return { status: Number(status), length: Number(length), keepAlive: true };
}

/** The strict reading, for whatever head. */
export function parseHead(text: string): Head | undefined {
  const [statusLine = "", ...lines] = text.split("\r\n");
  const [, minor, status] = STATUS_LINE.exec(statusLine) ?? [];
  if (minor === undefined || status === undefined) return undefined;
  let length: string | undefined;
  let connection = minor === "1" ? "keep-alive" : "close";
  for (const line of lines) {
    const [, name, value = ""] = HEADER.exec(line) ?? [];
    switch (name?.toLowerCase()) {
      case undefined:
      case "transfer-encoding":
        return undefined;
      case "content-length":
        if (!LENGTH.test(value) || (length !== undefined && length !== value)) return undefined;
        length = value;
        break;
      case "connection":
        connection = value.toLowerCase();
        break;
      default:
    }
  }
  const code = Number(status);
  if (length === undefined || code < 200 || code === 204 || code === 304) return undefined;
  return { status: code, length: Number(length), keepAlive: connection === "keep-alive" };
}

/** `bytes` holds at least the whole body; what is beyond it was not asked for. */
function answerOf(head: Head, bytes: Buffer): Response {
  const text = bytes.toString("utf8", 0, head.length);
  const reusable = head.keepAlive && bytes.length === head.length;
  return { status: head.status, body: bodyOf(text, head.length), reusable };
}

function bodyOf(text: string, bytes: number): AnswerBody {
  try {
    return { kind: "json", value: JSON.parse(text) as JsonValue, bytes };
  } catch {
    return { kind: "text", text, bytes };
  }
}

function truncatedOf(head: Head, body: Buffer): Response {
  // Streaming mode leaves a character that the cut went through unwritten; the second call forgets it.
  const text = CUT_WITHOUT_LAST.decode(body, { stream: true });
  CUT_WITHOUT_LAST.decode();
  return { status: head.status, body: { kind: "truncated", head: text, bytes: head.length }, reusable: false };
}
