import type { Clock } from "../../../kernel/clock.ts";
import { LineSplitter } from "./lines.ts";

/** OpenWhisk's end-of-run line. */
export const SENTINEL = "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX";

export type LogStream = "stdout" | "stderr";

/** How the end of a run's output is known. */
export type LogEnds =
  | { readonly by: "order" }
  /** `mark` is the secret given to the runtime with init; empty for one that knows none. */
  | { readonly by: "sentinel"; readonly mark: string };

const TIME_WIDTH = 30;
/** Ends that a container may be ahead of its answers; more are an action that prints sentinels by the thousand. */
const SEGMENTS_MAX = 10_000;

/** The lines between two sentinels of each stream: what one run printed. */
interface Segment {
  lines: string[];
  bytes: number;
  /** Lines were left out: the segment is full. */
  dropped: boolean;
  /** Streams that have shown their sentinel. */
  ends: number;
  waiter: (() => void) | undefined;
}

/**
 * Cuts a container's two output streams into the logs of its runs.
 *
 * The n-th end of each stream closes the log of the n-th run that ended (and of a failed init, which counts as one). What is
 * printed during a successful init belongs to the first run. With several runs at once a line belongs to the run that ends next
 * after it: streams do not say more. An end is one of two things:
 *
 * - *By order*: what a run printed before it answered is in the pipe when the answer arrives, as both are of this machine. So once
 *   every readable descriptor was read once more after the answer, the run's log is whole. Nothing has to be printed, and
 *   nobody woken, to say so: two sentinels cost a warm call some 60 us of the two processes.
 * - *By sentinel*, where output and answers come by different ways (OpenWhisk's contract). When the platform gave the runtime a
 *   secret mark, only sentinels with that mark count, and plain ones are an action's own text; a runtime that knows no marks
 *   (an OpenWhisk image) can be fooled by its action, to the loss of that action's own log lines.
 *
 * Memory is bounded by `bytesMax` for each log and each unfinished line. Beyond it everything is read and thrown away, down to
 * the next sentinel, at the speed of a byte search.
 */
export class LogCollector {
  readonly #clock: Clock;
  readonly #bytesMax: number;
  readonly #segments = new Map<number, Segment>();
  readonly #splitters: Readonly<Record<LogStream, LineSplitter>>;
  readonly #byOrder: boolean;
  #ending: Promise<void> | undefined;
  /** Sentinels seen, by stream: also the index of the segment that its next line belongs to. */
  readonly #ends = { stdout: 0, stderr: 0 };
  #open = 2;
  /** Logs that answers have promised, and logs that were asked for. */
  #answered = 0;
  #claimed = 0;
  #waiting = 0;
  #stamp = { ms: 0, text: "" };

  constructor(options: { readonly clock: Clock; readonly bytesMax: number; readonly ends: LogEnds }) {
    const { clock, bytesMax, ends } = options;
    this.#clock = clock;
    this.#bytesMax = bytesMax;
    this.#byOrder = ends.by === "order";
    const sentinel = ends.by === "order" ? undefined : ends.mark === "" ? SENTINEL : `${SENTINEL} ${ends.mark}`;
    this.#splitters = { stdout: this.#splitter("stdout", sentinel), stderr: this.#splitter("stderr", sentinel) };
  }

  /** Takes what a stream printed. The bytes may be kept. */
  onBytes(stream: LogStream, bytes: Buffer): void {
    this.#splitters[stream].take(bytes);
  }

  /** A stream is over: nobody will print to it any more. */
  onClose(stream: LogStream): void {
    this.#splitters[stream].flush();
    this.#open -= 1;
    if (this.#open > 0) return;
    for (const segment of this.#segments.values()) segment.waiter?.();
  }

  /** A run is about to begin and no other goes on: logs of earlier ones that nobody asked for are let go. */
  onFirstRun(): void {
    if (this.#waiting > 0) return;
    for (; this.#claimed < this.#answered; this.#claimed += 1) this.#forget(this.#claimed);
  }

  /** A run, or a failed init, was answered: its sentinels are on their way, or its output is here at the next look. */
  onAnswered(): void {
    this.#answered += 1;
    if (!this.#byOrder) return;
    // The first immediate runs in this turn of the loop, the second after the whole poll of the next one: libuv reads all that is
    // ready there, and up to 2 MB of each pipe, which holds a tenth of that.
    this.#ending = new Promise((resolve) => {
      setImmediate(() =>
        setImmediate(() => {
          this.#endAll();
          this.#ending = undefined;
          resolve();
        }),
      );
    });
  }

  /** Resolves when the last answered run's output is told from that of a next one; undefined when it is already. */
  get ending(): Promise<void> | undefined {
    return this.#ending;
  }

  /**
   * The log of the next run nobody asked for yet, in the order of the answers. Waits for its sentinels at most `waitMs`. Lines
   * beyond `bytesMax` are left out, which the last line then says in OpenWhisk's words.
   */
  async take(options: { readonly bytesMax: number; readonly waitMs: number }): Promise<readonly string[]> {
    const index = this.#claimed;
    this.#claimed += 1;
    if (options.bytesMax <= 0) {
      this.#forget(index);
      return [];
    }
    const segment = this.#segment(index);
    if (segment.ends < 2 && this.#open > 0) {
      this.#waiting += 1;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, options.waitMs);
        segment.waiter = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      segment.waiter = undefined;
      this.#waiting -= 1;
    }
    if (segment.ends < 2) for (const splitter of Object.values(this.#splitters)) splitter.flush();
    this.#forget(index);
    return this.#cut(segment, options.bytesMax);
  }

  #cut(segment: Segment, bytesMax: number): readonly string[] {
    let kept = segment.lines;
    let over = segment.dropped;
    if (segment.bytes > bytesMax) {
      let bytes = 0;
      const end = segment.lines.findIndex((line) => (bytes += Buffer.byteLength(line) + 1) > bytesMax);
      over ||= end >= 0;
      kept = end < 0 ? kept : kept.slice(0, end);
    }
    if (!over) return kept;
    const notice = `Logs were truncated because the total bytes size exceeds the limit of ${bytesMax} bytes.`;
    return [...kept, this.#format("stderr", notice)];
  }

  /** Drops a segment that is complete; one that is not is kept as full, so that what is still to come is thrown away. */
  #forget(index: number): void {
    const segment = this.#segment(index);
    if (segment.ends === 2 || this.#open === 0) this.#segments.delete(index);
    else this.#segments.set(index, { lines: [], bytes: 0, dropped: true, ends: segment.ends, waiter: undefined });
  }

  #endAll(): void {
    for (const splitter of Object.values(this.#splitters)) splitter.end();
  }

  #splitter(stream: LogStream, sentinel: string | undefined): LineSplitter {
    return new LineSplitter(sentinel, {
      room: () => {
        const segment = this.#segment(this.#ends[stream]);
        return segment.dropped ? 0 : this.#bytesMax - segment.bytes;
      },
      onLine: (text) => this.#onLine(stream, text),
      onDropped: () => {
        this.#segment(this.#ends[stream]).dropped = true;
      },
      onSentinel: () => this.#onSentinel(stream),
    });
  }

  #onLine(stream: LogStream, text: string): void {
    const segment = this.#segment(this.#ends[stream]);
    const line = this.#format(stream, text);
    const bytes = Buffer.byteLength(line) + 1;
    if (segment.dropped || segment.bytes + bytes > this.#bytesMax) {
      segment.dropped = true;
      return;
    }
    segment.lines.push(line);
    segment.bytes += bytes;
  }

  #onSentinel(stream: LogStream): void {
    const index = this.#ends[stream];
    if (index > this.#claimed + SEGMENTS_MAX) return;
    this.#ends[stream] += 1;
    const segment = this.#segment(index);
    segment.ends += 1;
    if (segment.ends < 2) return;
    segment.waiter?.();
    // Asked for before it was complete, and given up.
    if (index < this.#claimed && segment.waiter === undefined) this.#segments.delete(index);
  }

  #segment(index: number): Segment {
    const known = this.#segments.get(index);
    if (known !== undefined) return known;
    const segment: Segment = { lines: [], bytes: 0, dropped: false, ends: 0, waiter: undefined };
    this.#segments.set(index, segment);
    return segment;
  }

  #format(stream: LogStream, text: string): string {
    const ms = this.#clock.wallMs();
    if (ms !== this.#stamp.ms) {
      // Nine digits as OpenWhisk has them, of which this clock knows three.
      this.#stamp = { ms, text: `${new Date(ms).toISOString().slice(0, -1)}000000Z`.padEnd(TIME_WIDTH) };
    }
    return `${this.#stamp.text} ${stream}: ${text}`;
  }
}
