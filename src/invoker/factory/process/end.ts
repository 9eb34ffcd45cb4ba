import { spawn } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "../../../kernel/clock.ts";
import { later } from "../../../kernel/instants.ts";
import type { ProcessPlace } from "./descriptors.ts";
import { identify, isAlive, type Membership, type ProcessIdentity, type ProcessTable, signal } from "./proc.ts";

/** Milliseconds until giving up: only a process stuck inside the kernel takes so long. */
const END_MS = 10_000;
const WAIT_MS_MAX = 50;
/** Rounds of killing what is seen before killing what is not: a function that forks faster than we look. */
const ROUNDS_BY_SIGHT = 4;
/** How often a process that is nobody's child is looked after. */
const POLL_MS = 200;

/**
 * Kills every process of a container and waits until none is left, dead ones that nobody waited for aside. True when all are gone,
 * false when that took longer than ten seconds.
 */
export async function endProcesses(table: ProcessTable, members: Membership, clock: Clock): Promise<boolean> {
  const until = later(clock.now(), END_MS);
  for (let round = 0; ; round += 1) {
    if (members.pid !== undefined) signal(-members.pid, "SIGKILL");
    table.scan();
    const found = table.membersOf(members);
    if (found.length === 0) return true;
    for (const pid of found) signal(pid, "SIGKILL");
    if (clock.now() >= until) return false;
    if (members.uid !== undefined && round >= ROUNDS_BY_SIGHT) await killAllOf(members.uid);
    await delay(Math.min(2 ** round, WAIT_MS_MAX));
  }
}

/**
 * Who belongs to a container that may be long dead: its pid, and with it its group and session, count only when nobody else has
 * that number now. (While a group or session has members, the kernel gives its number to nobody.)
 */
export function membershipOf(containerId: string, place: ProcessPlace): Membership {
  const { uid, pid, startTime } = place;
  const leader = pid === undefined ? undefined : identify(pid);
  const usable = pid !== undefined && (leader === undefined ? uid === undefined : leader.startTime === startTime);
  return { containerId, ...(uid === undefined ? {} : { uid }), ...(usable ? { pid } : {}) };
}

/** Resolves when a process has ended that nobody here is told of. */
export function endOf(process: ProcessIdentity): Promise<void> {
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (isAlive(process)) return;
      clearInterval(timer);
      resolve();
    }, POLL_MS).unref();
  });
}

/** The kernel's own loop over all processes of a user, which no fork escapes. */
function killAllOf(uid: number): Promise<void> {
  return new Promise((resolve) => {
    const killer = spawn("/bin/sh", ["-c", "kill -KILL -1"], { uid, gid: uid, stdio: "ignore", env: {} });
    killer.on("error", () => resolve());
    killer.on("exit", () => resolve());
  });
}
