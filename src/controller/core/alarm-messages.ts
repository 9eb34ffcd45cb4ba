import type { AlarmSchedule } from "./alarm-ticks.ts";

/** What the clock knows of one alarm: its document, as far as time is concerned. */
export interface AlarmFacts {
  /** `namespace/trigger`. */
  readonly id: string;
  /** Which one of that name: another after it was deleted and made again. */
  readonly incarnation: string;
  readonly revision: string;
  readonly schedule: AlarmSchedule;
  /** Epoch milliseconds: no tick at or before fires (any more). */
  readonly lastTick: number;
  /** Ticks fired, and how many may be. */
  readonly fired: number;
  readonly firesMax?: number;
  readonly active: boolean;
  /** It has done its work and takes its trigger along. */
  readonly retires: boolean;
}

/** Why an alarm became inactive by itself. */
export interface AlarmEnd {
  readonly message: string;
  /** The HTTP status that firing the trigger would have had, where that was the reason. */
  readonly statusCode?: number;
}

/** What is to be kept of a step: the tick that fired, and that the alarm is over. */
export interface AlarmNote {
  readonly tick?: number;
  readonly end?: AlarmEnd;
}

export type AlarmEvent =
  /** Found while all were read at the start. */
  | { readonly kind: "listed"; readonly facts: AlarmFacts }
  /** Somebody wrote it, this process included. */
  | { readonly kind: "changed"; readonly id: string; readonly revision: string; readonly deleted: boolean }
  /** Answers to effects. Without facts there is no such alarm any more. */
  | { readonly kind: "loaded"; readonly id: string; readonly facts?: AlarmFacts }
  | { readonly kind: "fired"; readonly id: string }
  /** It will not fire, now or later: its trigger or its owner is gone. */
  | { readonly kind: "refused"; readonly id: string; readonly end: AlarmEnd }
  /** The document does not ask for this tick any more: somebody wrote it, and the feed has not said so yet. */
  | { readonly kind: "overtaken"; readonly id: string }
  | { readonly kind: "saved"; readonly id: string; readonly facts?: AlarmFacts }
  | { readonly kind: "retired"; readonly id: string }
  /** The step could not be done now, whichever it was. */
  | { readonly kind: "failed"; readonly id: string };

/** What the shell does; each is answered by one event, and no alarm has two at once. */
export type AlarmEffect =
  | { readonly kind: "load"; readonly id: string }
  /** The same tick twice must have no more effects than once: ids are made of incarnation and tick. */
  | { readonly kind: "fire"; readonly id: string; readonly incarnation: string; readonly tick: number }
  /**
   * Note it in the document, if it is of this incarnation still; that it ended, only if it is of this revision. Answered with the
   * document as it is then.
   */
  | {
      readonly kind: "save";
      readonly id: string;
      readonly incarnation: string;
      readonly revision: string;
      readonly note: AlarmNote;
    }
  /** Delete the trigger, then the alarm. */
  | { readonly kind: "retire"; readonly id: string }
  /** Needs no answer: there is no room for this alarm, and it will not fire. */
  | { readonly kind: "tell-full"; readonly id: string };
