import { assert } from "../../kernel/errors.ts";

/**
 * A queue whose members can leave from anywhere in O(1).
 *
 * The links are objects of the members' own, made once, so that joining and leaving on the hot path allocates nothing; a link
 * is in one line at a time. Bounded by the number of links that exist, which their owners bound.
 */
export class Line<Item> {
  #first: Link<Item> | undefined;
  #last: Link<Item> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The item that has been here longest. */
  get first(): Item | undefined {
    return this.#first?.item;
  }

  /** The item that joined most recently. */
  get last(): Item | undefined {
    return this.#last?.item;
  }

  /** Joins at the end. The link must be in no line. */
  push(link: Link<Item>): void {
    link.enter(this);
    link.prev = this.#last;
    if (this.#last === undefined) this.#first = link;
    else this.#last.next = link;
    this.#last = link;
    this.#size += 1;
  }

  /** Joins at the front: for members that were served once and came back. The link must be in no line. */
  unshift(link: Link<Item>): void {
    link.enter(this);
    link.next = this.#first;
    if (this.#first === undefined) this.#last = link;
    else this.#first.prev = link;
    this.#first = link;
    this.#size += 1;
  }

  /** Leaves, from wherever in this line it is. */
  remove(link: Link<Item>): void {
    const { prev, next } = link;
    link.leave(this);
    if (prev === undefined) this.#first = next;
    else prev.next = next;
    if (next === undefined) this.#last = prev;
    else next.prev = prev;
    this.#size -= 1;
  }

  /** From first to last. The line must not change meanwhile. */
  *[Symbol.iterator](): Generator<Item, void> {
    for (let link = this.#first; link !== undefined; link = link.next) yield link.item;
  }
}

/** A member's place in one line at a time. */
export class Link<Item> {
  readonly item: Item;
  prev: Link<Item> | undefined;
  next: Link<Item> | undefined;
  #line: Line<Item> | undefined;

  constructor(item: Item) {
    this.item = item;
  }

  /** The line it is in. */
  get line(): Line<Item> | undefined {
    return this.#line;
  }

  /** Makes it a member at the end of `line`, or of none; where it is there already it keeps its place. */
  moveTo(line: Line<Item> | undefined): void {
    if (this.#line === line) return;
    this.#line?.remove(this);
    line?.push(this);
  }

  /** @internal Called by {@link Line} only. */
  enter(line: Line<Item>): void {
    assert(this.#line === undefined, "link is in a line already");
    this.#line = line;
  }

  /** @internal Called by {@link Line} only. */
  leave(line: Line<Item>): void {
    assert(this.#line === line, "link is not in this line");
    this.#line = undefined;
    this.prev = undefined;
    this.next = undefined;
  }
}
