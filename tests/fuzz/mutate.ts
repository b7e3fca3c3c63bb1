import { type Bytes, concat } from '../../src/core/bytes.ts';

/** xorshift32: the same sequence for the same seed, on every machine. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0 || 1;
  }

  /** From 0 to `sides` - 1. */
  throw(sides: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    this.#state >>>= 0;
    return this.#state % sides;
  }
}

/** One to four small changes of `seed`, or pieces of two seeds. */
export function mutate(seed: Bytes, other: Bytes, dice: Dice): Bytes {
  let bytes = seed;
  for (let count = 1 + dice.throw(4); count > 0; count--)
    bytes = CHANGES[dice.throw(CHANGES.length)]?.(bytes, other, dice) ?? bytes;
  return bytes;
}

type Change = (bytes: Bytes, other: Bytes, dice: Dice) => Bytes;

/** Lengths, tags and signs at their edges. */
const EDGES = [0x00, 0x01, 0x02, 0x03, 0x16, 0x30, 0x7f, 0x80, 0x81, 0x84, 0xfe, 0xff];

const CHANGES: readonly Change[] = [
  (bytes, _, dice) => replace(bytes, dice, (byte) => byte ^ (1 << dice.throw(8))),
  (bytes, _, dice) => replace(bytes, dice, () => EDGES[dice.throw(EDGES.length)] as number),
  (bytes, _, dice) => replace(bytes, dice, (byte) => byte + 1 - 2 * dice.throw(2)),
  (bytes, _, dice) => bytes.slice(0, dice.throw(bytes.length + 1)),
  (bytes, _, dice) => {
    const [from, to] = range(bytes, dice);
    return concat(bytes.subarray(0, from), bytes.subarray(to));
  },
  (bytes, _, dice) => {
    const [from, to] = range(bytes, dice);
    return concat(bytes.subarray(0, to), bytes.subarray(from));
  },
  (bytes, other, dice) =>
    concat(bytes.subarray(0, dice.throw(bytes.length + 1)), other.subarray(dice.throw(other.length + 1))),
  (bytes, _, dice) => {
    const at = dice.throw(bytes.length + 1);
    const inserted = Uint8Array.from({ length: 1 + dice.throw(8) }, () => dice.throw(256));
    return concat(bytes.subarray(0, at), inserted, bytes.subarray(at));
  },
];

function replace(bytes: Bytes, dice: Dice, change: (byte: number) => number): Bytes {
  const copy = bytes.slice();
  const at = dice.throw(Math.max(1, copy.length));
  if (at < copy.length) copy[at] = change(copy[at] as number);
  return copy;
}

/** At most 64 bytes long, so that most of a structure survives. */
function range(bytes: Bytes, dice: Dice): readonly [number, number] {
  const from = dice.throw(bytes.length + 1);
  return [from, Math.min(bytes.length, from + 1 + dice.throw(64))];
}
