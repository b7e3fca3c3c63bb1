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

/**
 * Changes of what goes over the network: records are dropped, doubled, swapped, cut in two or taken from elsewhere, and what is
 * in them changes with its lengths, so that more than the first wrong length is reached.
 */
export function mutateRecords(seed: Bytes, other: Bytes, dice: Dice): Bytes {
  if (dice.throw(8) === 0) return mutate(seed, other, dice);
  let records = split(seed, RECORD);
  for (let count = 1 + dice.throw(3); count > 0; count--) {
    const at = dice.throw(Math.max(1, records.length));
    const record = records[at];
    if (record === undefined || dice.throw(6) === 0) records = rearranged(records, split(other, RECORD), dice);
    else records[at] = changedRecord(record, other, dice);
  }
  return concat(...records);
}

/** Where the length of a unit stands, and how many bytes are in front of its content. */
interface Framing {
  readonly lengthAt: number;
  readonly headerBytes: number;
}

const RECORD: Framing = { lengthAt: 3, headerBytes: 5 };
const MESSAGE: Framing = { lengthAt: 1, headerBytes: 4 };
const HANDSHAKE = 22;

/** Units one after another; the last may be incomplete. */
function split(bytes: Bytes, { lengthAt, headerBytes }: Framing): Bytes[] {
  const units: Bytes[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    let length = 0;
    for (let at = offset + lengthAt; at < offset + headerBytes; at++) length = length * 256 + (bytes[at] ?? 0);
    units.push(bytes.subarray(offset, offset + headerBytes + length));
    offset += headerBytes + length;
  }
  return units;
}

/** A unit with that content, and the length of it. */
function framed(header: Bytes, content: Bytes, { lengthAt, headerBytes }: Framing): Bytes {
  const unit = concat(header.subarray(0, lengthAt), new Uint8Array(headerBytes - lengthAt), content);
  for (let at = headerBytes - 1, length = content.length; at >= lengthAt; at--, length >>>= 8) unit[at] = length;
  return unit;
}

function rearranged(units: readonly Bytes[], others: readonly Bytes[], dice: Dice): Bytes[] {
  const copy = [...units];
  const at = dice.throw(copy.length + 1);
  const from = dice.throw(Math.max(1, others.length));
  switch (dice.throw(4)) {
    case 0:
      copy.splice(at, 1);
      break;
    case 1:
      copy.splice(at, 0, ...copy.slice(at, at + 1));
      break;
    case 2:
      copy.splice(at, 0, ...copy.splice(dice.throw(copy.length + 1), 1));
      break;
    default:
      copy.splice(at, dice.throw(2), ...others.slice(from, from + 1 + dice.throw(2)));
  }
  return copy;
}

/** How a change leaves the units around it: mostly whole. */
function changedRecord(record: Bytes, other: Bytes, dice: Dice): Bytes {
  const content = record.subarray(RECORD.headerBytes);
  switch (dice.throw(10)) {
    case 0: {
      const header = record.slice(0, RECORD.headerBytes);
      header[0] = 20 + dice.throw(5);
      return framed(header, content, RECORD);
    }
    case 1: {
      const at = dice.throw(content.length + 1);
      return concat(framed(record, content.subarray(0, at), RECORD), framed(record, content.subarray(at), RECORD));
    }
    case 2:
      return mutate(record, other, dice);
    case 3:
      return framed(record, mutate(content, other, dice), RECORD);
    default: {
      // What the toy cryptography of TLS 1.3 puts behind the content: its type, and a tag.
      const trailerBytes = record[0] === HANDSHAKE ? 0 : 17;
      const end = Math.max(0, content.length - trailerBytes);
      const messages = changedMessages(split(content.subarray(0, end), MESSAGE), other, dice);
      return framed(record, concat(...messages, content.subarray(end)), RECORD);
    }
  }
}

function changedMessages(messages: Bytes[], other: Bytes, dice: Dice): Bytes[] {
  const at = dice.throw(Math.max(1, messages.length));
  const message = messages[at];
  if (message === undefined || dice.throw(6) === 0) return rearranged(messages, messages, dice);
  const body = message.subarray(MESSAGE.headerBytes);
  const changed = dice.throw(2) === 0 ? mutate(body, other, dice) : changedVector(body, other, dice);
  return messages.with(at, framed(message, changed, MESSAGE));
}

/** Changes something that has two bytes of length in front of it, and the lengths of all that it is the end of. */
function changedVector(body: Bytes, other: Bytes, dice: Dice): Bytes {
  const u16 = (at: number): number => ((body[at] ?? 0) << 8) | (body[at + 1] ?? 0);
  const starts = Array.from(body, (_, at) => at).filter((at) => at + 2 + u16(at) <= body.length && u16(at) > 0);
  const at = starts[dice.throw(Math.max(1, starts.length))];
  if (at === undefined) return mutate(body, other, dice);
  const end = at + 2 + u16(at);
  const content = mutate(body.subarray(at + 2, end), other, dice);
  const changed = concat(
    body.subarray(0, at),
    Uint8Array.of(content.length >>> 8, content.length),
    content,
    body.subarray(end),
  );
  for (const outer of starts) {
    if (outer >= at || outer + 2 + u16(outer) !== body.length) continue;
    const length = changed.length - outer - 2;
    changed.set(Uint8Array.of(length >>> 8, length), outer);
  }
  return changed;
}
