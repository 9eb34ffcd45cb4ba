/** A binary heap of things to wake, earliest first. What was taken back stays until it is met or swept: `isLive` tells. */
export class WakeHeap<Item extends { readonly wakeAt: number }> {
  readonly #items: Item[] = [];
  readonly #isLive: (item: Item) => boolean;

  constructor(isLive: (item: Item) => boolean) {
    this.#isLive = isLive;
  }

  get size(): number {
    return this.#items.length;
  }

  /** The earliest; undefined when there is none. */
  peek(): Item | undefined {
    for (let first = this.#items[0]; first !== undefined; first = this.#items[0]) {
      if (this.#isLive(first)) return first;
      this.#removeFirst();
    }
    return undefined;
  }

  /** Takes the earliest out, if it is to wake at `now` or before. */
  take(now: number): Item | undefined {
    const first = this.peek();
    if (first === undefined || first.wakeAt > now) return undefined;
    this.#removeFirst();
    return first;
  }

  push(item: Item): void {
    this.#items.push(item);
    this.#rise(this.#items.length - 1);
  }

  /** Drops what was taken back. Callers do so once most of the heap is that. */
  sweep(): void {
    const live = this.#items.filter(this.#isLive).sort((a, b) => a.wakeAt - b.wakeAt);
    // What is sorted is a heap.
    this.#items.splice(0, this.#items.length, ...live);
  }

  #removeFirst(): void {
    const last = this.#items.pop();
    if (last === undefined || this.#items.length === 0) return;
    this.#items[0] = last;
    this.#sink(0);
  }

  #rise(from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#swapUnlessOrdered(parent, at)) return;
      at = parent;
    }
  }

  #sink(from: number): void {
    let at = from;
    for (;;) {
      const left = 2 * at + 1;
      const right = left + 1;
      const smaller = this.#isEarlier(right, left) ? right : left;
      if (smaller >= this.#items.length || !this.#swapUnlessOrdered(at, smaller)) return;
      at = smaller;
    }
  }

  #isEarlier(a: number, b: number): boolean {
    const [first, second] = [this.#items[a], this.#items[b]];
    return first !== undefined && second !== undefined && first.wakeAt < second.wakeAt;
  }

  /** True when the lower one had to come up. */
  #swapUnlessOrdered(upper: number, lower: number): boolean {
    const [above, below] = [this.#items[upper], this.#items[lower]];
    if (above === undefined || below === undefined || above.wakeAt <= below.wakeAt) return false;
    this.#items[upper] = below;
    this.#items[lower] = above;
    return true;
  }
}
