/** Where a {@link LineSplitter} tells what it found. */
export interface LineSink {
  /** Bytes that may still be kept before the next sentinel; 0 or less when it is full. */
  room(): number;
  onLine(text: string): void;
  /** Bytes were thrown away for want of room. */
  onDropped(): void;
  onSentinel(): void;
}

const NEWLINE = 10;
const EMPTY = Buffer.alloc(0);

/**
 * Finds lines and sentinels in a stream of chunks. A sentinel is a line, or the end of one: what an action printed without a
 * newline is cut off before it. Without a sentinel to look for, `end` is called where one would be. Bytes that are no UTF-8 become
 * U+FFFD.
 */
export class LineSplitter {
  readonly #sink: LineSink;
  /** The sentinel with its newline; empty when there is none. */
  readonly #sentinel: Buffer;
  #partial: Buffer[] = [];
  #partialBytes = 0;
  /** While full: the last bytes seen, in which a sentinel may have begun. */
  #carry: Buffer | undefined;

  constructor(sentinel: string | undefined, sink: LineSink) {
    this.#sink = sink;
    this.#sentinel = sentinel === undefined ? EMPTY : Buffer.from(`${sentinel}\n`);
  }

  take(chunk: Buffer): void {
    // The usual chunk of a quiet action.
    if (this.#partialBytes === 0 && this.#carry === undefined && chunk.equals(this.#sentinel)) {
      this.#sink.onSentinel();
      return;
    }
    let from = 0;
    while (from < chunk.length) {
      from = this.#carry !== undefined || this.#sink.room() <= 0 ? this.#skip(chunk, from) : this.#line(chunk, from);
    }
  }

  /** What a sentinel would mean, said by somebody who knows better. */
  end(): void {
    this.flush();
    this.#carry = undefined;
    this.#sink.onSentinel();
  }

  /** Ends an unfinished line: no more of it is expected. */
  flush(): void {
    if (this.#partialBytes > 0) this.#sink.onLine(textOf(this.#taken(EMPTY)));
  }

  /** Takes one line, or the beginning of one, and gives where the next begins. */
  #line(chunk: Buffer, from: number): number {
    const newline = chunk.indexOf(NEWLINE, from);
    const end = newline < 0 ? chunk.length : newline + 1;
    const piece = chunk.subarray(from, end);
    if (this.#partialBytes + piece.length > this.#sink.room() + this.#sentinel.length) {
      // Too long to keep.
      return this.#skip(chunk, from);
    }
    if (newline < 0) {
      // A copy: chunks are slices of large buffers, which a few bytes would keep alive.
      this.#partial.push(Buffer.from(piece));
      this.#partialBytes += piece.length;
      return end;
    }
    const line = this.#partialBytes === 0 ? piece : this.#taken(piece);
    const textEnd = line.length - this.#sentinel.length;
    if (
      this.#sentinel.length === 0 ||
      textEnd < 0 ||
      line.compare(this.#sentinel, 0, this.#sentinel.length, textEnd) !== 0
    ) {
      this.#sink.onLine(textOf(line.subarray(0, -1)));
      return end;
    }
    if (textEnd > 0) this.#sink.onLine(textOf(line.subarray(0, textEnd)));
    this.#sink.onSentinel();
    return end;
  }

  /** Throws bytes away up to and including the next sentinel, and gives where it ended. */
  #skip(chunk: Buffer, from: number): number {
    this.#sink.onDropped();
    const length = this.#sentinel.length;
    if (length === 0) {
      this.#taken(EMPTY);
      this.#carry = EMPTY;
      return chunk.length;
    }
    // An unfinished line is thrown away as well, but the sentinel may have begun in it.
    const carry = this.#carry ?? this.#taken(EMPTY).subarray(-length + 1);
    const seam = Buffer.concat([carry, chunk.subarray(from, from + length - 1)]);
    const inSeam = seam.indexOf(this.#sentinel);
    const found = inSeam >= 0 ? inSeam - carry.length + from : chunk.indexOf(this.#sentinel, from);
    if (found >= 0 || inSeam >= 0) {
      this.#carry = undefined;
      this.#sink.onSentinel();
      return found + length;
    }
    const last =
      chunk.length - from >= length - 1 ? chunk.subarray(chunk.length - length + 1) : seam.subarray(-length + 1);
    this.#carry = Buffer.from(last);
    return chunk.length;
  }

  #taken(last: Buffer): Buffer {
    const line = Buffer.concat([...this.#partial, last]);
    this.#partial = [];
    this.#partialBytes = 0;
    return line;
  }
}

function textOf(line: Buffer): string {
  return line.toString("utf8").trimEnd();
}
