import { createHash } from "node:crypto";
import type { Clock } from "../kernel/clock.ts";
import { PlatformError } from "../kernel/errors.ts";
import { asId, type CodeDigest } from "../kernel/ids.ts";
import { MemoryActivations } from "./memory-activations.ts";
import { MemoryArtifacts, MemoryChanges, MemorySubjects } from "./memory-documents.ts";
import type { AttachmentStore, Stores } from "./ports.ts";

/** Stores that live as long as the process: for tests and for the simulator. Keeps JSON, as the real ones do, so that no caller can
 * change what is kept. */
export function memoryStores({ clock }: { readonly clock: Clock }): Stores {
  const changes = new MemoryChanges();
  const artifacts = new MemoryArtifacts(changes, clock);
  return {
    artifacts,
    subjects: new MemorySubjects(changes),
    activations: new MemoryActivations(),
    attachments: new MemoryAttachments(artifacts, clock),
    changes,
    close: async () => changes.close(),
  };
}

class MemoryAttachments implements AttachmentStore {
  readonly #artifacts: MemoryArtifacts;
  readonly #clock: Clock;
  readonly #files = new Map<CodeDigest, { readonly bytes: Uint8Array; readonly putAt: number }>();

  constructor(artifacts: MemoryArtifacts, clock: Clock) {
    this.#artifacts = artifacts;
    this.#clock = clock;
  }

  async put(bytes: Uint8Array): Promise<CodeDigest> {
    const digest = digestOf(bytes);
    this.#files.set(digest, { bytes: bytes.slice(), putAt: this.#clock.wallMs() });
    return digest;
  }

  async get(digest: CodeDigest): Promise<Uint8Array | undefined> {
    const bytes = this.#files.get(digest)?.bytes.slice();
    if (bytes !== undefined && digestOf(bytes) !== digest) {
      throw new PlatformError("store/corrupted", `attachment ${digest} does not hold what its name says`);
    }
    return bytes;
  }

  async sweep(graceMs: number): Promise<number> {
    let swept = 0;
    for (const [digest, { putAt }] of this.#files) {
      const lastAt = Math.max(putAt, this.#artifacts.lastNamedAt(digest));
      if (this.#clock.wallMs() - lastAt < graceMs) continue;
      this.#files.delete(digest);
      swept += 1;
    }
    return swept;
  }
}

function digestOf(bytes: Uint8Array): CodeDigest {
  return asId(`sha256-${createHash("sha256").update(bytes).digest("hex")}`);
}
