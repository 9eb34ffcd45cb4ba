/**
 * Unpacks an action's zip inside the container, as the container's own user, so that a hostile archive meets the container's
 * limits too. What a plain archive of code never holds is refused before anything is written: paths that leave the folder,
 * links and devices, entries that are encrypted, and more bytes than code has.
 */
import type * as Fs from "node:fs";
import type * as Path from "node:path";
import type * as Zlib from "node:zlib";
import type * as Yauzl from "yauzl";
import type { Entry, ZipFile } from "yauzl";

const { mkdirSync, writeFileSync } = require("node:fs") as typeof Fs;
const paths = require("node:path") as typeof Path;
const { crc32, inflateRawSync } = require("node:zlib") as typeof Zlib;
const yauzl = require("yauzl") as typeof Yauzl;

/** Chosen: ten times the largest archive that an action may be (48 MiB in base64), and the usual count of a fat node_modules. */
const BYTES_MAX = 536_870_912;
const ENTRIES_MAX = 50_000;
/** Text packs about 10:1 and deflate at most 1,032:1; beyond this, and above a size that cannot hurt, it is a bomb. */
const RATIO_MAX = 200;
const RATIO_FROM_BYTES = 16_777_216;
const PATH_LENGTH_MAX = 1024;
const STORED = 0;
const DEFLATED = 8;
const TYPE_MASK = 0o170_000;
const FOLDER = 0o040_000;
const FILE = 0o100_000;

/** Unpacks `zip` into `folder`. Rejects with a text that begins with "archive". */
async function unpack(zip: Buffer, folder: string): Promise<void> {
  const file = await opened(zip);
  const entries = await entriesOf(file);
  checkSizes(entries, zip.length);
  const folders = new Set<string>();
  for (const entry of entries) {
    const path = paths.join(folder, entry.fileName);
    const parent = entry.fileName.endsWith("/") ? path : paths.dirname(path);
    try {
      if (!folders.has(parent)) mkdirSync(parent, { recursive: true });
      folders.add(parent);
      if (parent !== path)
        writeFileSync(path, contentOf(zip, entry, await dataStart(file, entry)), { mode: modeOf(entry) });
    } catch (error) {
      throw typeof error === "string"
        ? error
        : `archive entry ${entry.fileName} cannot be unpacked: ${messageOf(error)}`;
    }
  }
}

function opened(zip: Buffer): Promise<ZipFile> {
  return new Promise((resolve, reject) => {
    // Strict names: yauzl refuses absolute paths, `..` and backslashes by itself.
    const options = { lazyEntries: true, strictFileNames: true, validateEntrySizes: true } as const;
    yauzl.fromBuffer(zip, options, (error, file) => {
      if (file === undefined || error) reject(`archive cannot be read: ${messageOf(error)}`);
      else resolve(file);
    });
  });
}

function entriesOf(file: ZipFile): Promise<readonly Entry[]> {
  if (file.entryCount > ENTRIES_MAX)
    return Promise.reject(`archive has ${file.entryCount} entries, more than ${ENTRIES_MAX}`);
  return new Promise((resolve, reject) => {
    const entries: Entry[] = [];
    file.on("error", (error) => reject(`archive is refused: ${messageOf(error)}`));
    file.on("end", () => resolve(entries));
    file.on("entry", (entry: Entry) => {
      const fault = faultOf(entry);
      if (fault !== undefined || entries.length >= ENTRIES_MAX) {
        reject(`archive entry ${entry.fileName.slice(0, PATH_LENGTH_MAX)} ${fault ?? "is one too many"}`);
        return;
      }
      entries.push(entry);
      file.readEntry();
    });
    file.readEntry();
  });
}

function faultOf(entry: Entry): string | undefined {
  const { fileName } = entry;
  // Checked here as well as in yauzl: the one mistake that must not happen.
  if (fileName.startsWith("/") || fileName.split(/[/\\]/).includes("..")) return "leaves the folder";
  if (fileName === "" || fileName.includes("\0") || fileName.length > PATH_LENGTH_MAX) return "has no usable name";
  const type = (entry.externalFileAttributes >>> 16) & TYPE_MASK;
  if (type !== 0 && type !== FILE && type !== FOLDER) return "is neither a file nor a folder (links are refused)";
  if (entry.isEncrypted()) return "is encrypted";
  if (entry.compressionMethod !== STORED && entry.compressionMethod !== DEFLATED) return "is packed in an unknown way";
  return undefined;
}

function checkSizes(entries: readonly Entry[], zipBytes: number): void {
  let bytes = 0;
  for (const entry of entries) bytes += entry.uncompressedSize;
  if (bytes > BYTES_MAX) throw `archive unpacks to ${bytes} bytes, more than ${BYTES_MAX}`;
  if (bytes > RATIO_FROM_BYTES && bytes > zipBytes * RATIO_MAX) {
    throw `archive unpacks to ${Math.floor(bytes / zipBytes)} times its size, more than ${RATIO_MAX}`;
  }
}

function dataStart(file: ZipFile, entry: Entry): Promise<number> {
  return new Promise((resolve, reject) => {
    file.readLocalFileHeader(entry, { minimal: true }, (error, header) => {
      if (error) reject(error);
      else resolve(header.fileDataStart);
    });
  });
}

/** Whole entries at once: the sizes are bounded above, and a stream each would cost ten times as long. */
function contentOf(zip: Buffer, entry: Entry, start: number): Buffer {
  const packed = zip.subarray(start, start + entry.compressedSize);
  const content =
    entry.compressionMethod === STORED
      ? packed
      : inflateRawSync(packed, { maxOutputLength: Math.max(1, entry.uncompressedSize) });
  if (content.length !== entry.uncompressedSize || crc32(content) !== entry.crc32) throw new Error("it is damaged");
  return content;
}

/** Executables stay executable; nothing else of the archive's modes is taken over. */
function modeOf(entry: Entry): number {
  return ((entry.externalFileAttributes >>> 16) & 0o111) === 0 ? 0o644 : 0o755;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const archive = { unpack };
module.exports = archive;
export type Archive = typeof archive;
