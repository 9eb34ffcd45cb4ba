/** What the process ends with. Stable: scripts match on them. docs/reference/cli.md lists the same, checked by a test. */
export const EXIT = {
  /** Done. */
  ok: 0,
  /** The action ran and failed: an application error or a developer error. */
  actionFailed: 1,
  /** The command line is not understood, or names something unusable on this side. */
  usage: 2,
  /** Nobody answers at the API host, or not in time. */
  unreachable: 3,
  /** No key, a wrong key, or a key without the right. */
  notAuthorised: 4,
  /** There is no such thing. */
  notFound: 5,
  /** It exists already, or someone else changed it in between. */
  conflict: 6,
  /** The platform read the request and refuses it. */
  refused: 7,
  /** A limit is reached or no capacity is left: the same request may succeed later. */
  busy: 8,
  /** The wait is over and the activation still runs. */
  stillRunning: 9,
  /** `up`: the options are not as they must be. */
  badOptions: 10,
  /** `up`: it cannot start here (port, data folder, certificate). */
  cannotStart: 11,
  /** `up`: stopped at once by a second signal, or not drained in time. */
  cutShort: 12,
  /** A defect or a failure of Skein itself. */
  internal: 70,
} as const satisfies Record<string, number>;

/** One of {@link EXIT}. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
