/** One kind of runtime, as the platform tells about it. */
export interface RuntimeKind {
  /** Family and version, e.g. `nodejs:24`. */
  readonly kind: string;
  /** What `family:default` stands for; one per family. */
  readonly default: boolean;
  /** Actions of it can be read and deleted, but neither updated nor invoked. */
  readonly deprecated: boolean;
  /** Its actions must name their entry point. */
  readonly requireMain: boolean;
  /** The image name that clients of OpenWhisk expect to read; null where functions run as processes. */
  readonly image: string | null;
}

/** What the API knows of runtimes: the manifest behind it belongs to another role. */
export interface RuntimesAdvert {
  /** Kinds by family, in the order they are shown. */
  readonly families: Readonly<Record<string, readonly RuntimeKind[]>>;
  /** Other names an action may be written with, each with the kind it stands for, e.g. `nodejs:20` for `nodejs:24`. */
  readonly aliases: Readonly<Record<string, string>>;
}

/** Looks kinds up by any of their names. */
export class Runtimes {
  readonly advert: RuntimesAdvert;
  readonly #byName = new Map<string, RuntimeKind>();

  constructor(advert: RuntimesAdvert) {
    this.advert = advert;
    for (const [family, kinds] of Object.entries(advert.families)) {
      for (const kind of kinds) {
        this.#byName.set(kind.kind, kind);
        if (kind.default) this.#byName.set(`${family}:default`, kind);
      }
    }
    for (const [alias, target] of Object.entries(advert.aliases)) {
      const kind = this.#byName.get(target);
      if (kind !== undefined) this.#byName.set(alias, kind);
    }
  }

  /** The real kind behind a name that is trimmed and lower-cased already; undefined when nobody knows it. */
  resolve(name: string): RuntimeKind | undefined {
    return this.#byName.get(name);
  }

  /** Every name an action may be written with. */
  names(): readonly string[] {
    return [...this.#byName.keys()].sort();
  }
}
