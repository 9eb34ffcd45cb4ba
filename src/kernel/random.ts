/**
 * A source of randomness for protocol decisions (jitter, choices, simulation). Not for secrets: keys and ids that must not be
 * guessed come from `node:crypto` in the shells.
 */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform whole number in [0, below). `below` >= 1. */
  int(below: number): number;
  /** An independent stream for one purpose; the same name gives the same stream again. */
  stream(name: string): Random;
}

/** A seeded generator (sfc32, Chris Doty-Humphrey's PractRand family): the same seed gives the same run. */
export function seededRandom(seed: string): Random {
  let [a, b, c, d] = fourWords(seed);
  const next = (): number => {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return (t >>> 0) / 4_294_967_296;
  };
  // The first outputs still show the seed's structure; PractRand's author discards twelve.
  for (let i = 0; i < 12; i += 1) next();
  return {
    next,
    int: (below) => Math.floor(next() * below),
    stream: (name) => seededRandom(`${seed}/${name}`),
  };
}

/** Four 32-bit words of a string (cyrb128). */
function fourWords(text: string): [number, number, number, number] {
  let h1 = 1_779_033_703;
  let h2 = 3_144_134_277;
  let h3 = 1_013_904_242;
  let h4 = 2_773_480_762;
  for (let i = 0; i < text.length; i += 1) {
    const k = text.charCodeAt(i);
    h1 = h2 ^ Math.imul(h1 ^ k, 597_399_067);
    h2 = h3 ^ Math.imul(h2 ^ k, 2_869_860_233);
    h3 = h4 ^ Math.imul(h3 ^ k, 951_274_213);
    h4 = h1 ^ Math.imul(h4 ^ k, 2_716_044_179);
  }
  return [h1 ^ h2 ^ h3 ^ h4, h2 ^ h1, h3 ^ h1, h4 ^ h1];
}
