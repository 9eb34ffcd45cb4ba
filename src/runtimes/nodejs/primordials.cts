/* oxlint-disable typescript/unbound-method -- methods are taken on purpose here, to be called with their receiver as first argument */
import type * as Net from "node:net";

/**
 * What the runtime needs of the language, taken before the action's code runs: an action that patches `JSON`, `Buffer`,
 * `Promise` or `net` spoils its own copy and not the server's. Methods take their receiver as first argument.
 */
const { Socket } = require("node:net") as typeof Net;

/** Turns a method into a function whose first argument is the receiver. */
const uncurry = Function.prototype.bind.bind(Function.prototype.call) as <
  This,
  Args extends readonly unknown[],
  Result,
>(
  method: (this: This, ...args: Args) => Result,
) => (self: This, ...args: Args) => Result;

type Slice = (this: Buffer, start: number, end: number) => string;
const slices = Buffer.prototype as unknown as { readonly utf8Slice: Slice; readonly latin1Slice: Slice };
type Then = (
  this: Promise<unknown>,
  resolved: (value: unknown) => void,
  rejected: (reason: unknown) => void,
) => unknown;

const primordials = {
  jsonParse: JSON.parse as (text: string) => unknown,
  jsonStringify: JSON.stringify as (value: unknown) => string | undefined,
  objectKeys: Object.keys,
  isArray: Array.isArray,
  bufferAllocUnsafe: Buffer.allocUnsafe,
  bufferByteLength: Buffer.byteLength,
  bufferConcat: Buffer.concat as (parts: readonly Uint8Array[]) => Buffer,
  bufferCopy: uncurry(Buffer.prototype.copy as (this: Buffer, target: Buffer, at: number, from: number) => number),
  bufferFrom: Buffer.from as (text: string) => Buffer,
  bufferIndexOf: uncurry(
    Buffer.prototype.indexOf as (this: Buffer, text: string, from: number, as: "latin1") => number,
  ),
  bufferSubarray: uncurry(Buffer.prototype.subarray as (this: Buffer, start: number) => Buffer),
  latin1Slice: uncurry(slices.latin1Slice),
  utf8Slice: uncurry(slices.utf8Slice),
  promiseOf: Promise.resolve.bind(Promise) as (value: unknown) => Promise<unknown>,
  promiseThen: uncurry(Promise.prototype.then as Then),
  regexpExec: uncurry(RegExp.prototype.exec),
  setAdd: uncurry(Set.prototype.add as (this: Set<unknown>, value: unknown) => unknown),
  setDelete: uncurry(Set.prototype.delete as (this: Set<unknown>, value: unknown) => boolean),
  toUpperCase: uncurry(String.prototype.toUpperCase),
  socketDestroy: uncurry(Socket.prototype.destroy as (this: InstanceType<typeof Socket>) => unknown),
  socketEnd: uncurry(Socket.prototype.end as (this: InstanceType<typeof Socket>, text: string) => unknown),
  socketWrite: uncurry(Socket.prototype.write),
  exit: process.exit.bind(process),
  env: process.env,
  wait: Atomics.wait,
};

module.exports = primordials;
export type Primordials = typeof primordials;
