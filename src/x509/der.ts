import { type Bytes, hex } from '../core/bytes.ts';
import { LIMITS } from '../core/limits.ts';

/** Universal tags, X.690 section 8; constructed bit set where DER demands it. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  numericString: 0x12,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  universalString: 0x1c,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

/** `[number]`, constructed: EXPLICIT, or IMPLICIT over a constructed type. */
export function contextConstructed(number: number): number {
  return 0xa0 | number;
}

/** `[number]`, primitive: IMPLICIT over a primitive type. */
export function contextPrimitive(number: number): number {
  return 0x80 | number;
}

/** What is wrong with an encoding, and where: the byte counted from the start of the outermost value, and the field. */
export class DerError extends Error {
  override readonly name = 'DerError';
  readonly offset: number;
  readonly path: string;
  readonly problem: string;

  constructor(problem: string, path: string, offset: number) {
    super(`${path} at byte ${offset}: ${problem}`);
    this.offset = offset;
    this.path = path;
    this.problem = problem;
  }
}

/** The universal types that are made of other values: external, embedded-pdv, SEQUENCE, SET. */
const CONSTRUCTED: ReadonlySet<number> = new Set([0x08, 0x0b, 0x10, 0x11]);

/** 16 MiB: nothing that the callers accept comes near. */
const LENGTH_OCTETS_LIMIT = 3;

/**
 * A cursor over the contents of one constructed value in the Distinguished Encoding Rules (X.690). There is one way to encode
 * a value and every other way is an error: indefinite and over-long lengths, padded integers, booleans other than 00 and FF,
 * set bits behind the end of a bit string, trailing bytes. All methods throw {@link DerError}; results are views, not copies.
 */
export class DerReader {
  readonly #source: Bytes;
  readonly #start: number;
  readonly #end: number;
  readonly #parent: DerReader | undefined;
  readonly #name: string;
  readonly #depth: number;
  readonly #budget: { elements: number };
  #offset: number;
  #items = 0;
  /** Where the contents of the value read last begin and end. */
  #from = 0;
  #to = 0;

  private constructor(source: Bytes, start: number, from: number, to: number, name: string, parent?: DerReader) {
    this.#source = source;
    this.#start = start;
    this.#offset = from;
    this.#end = to;
    this.#name = name;
    this.#parent = parent;
    this.#depth = parent === undefined ? 0 : parent.#depth + 1;
    this.#budget = parent === undefined ? { elements: LIMITS.derElements } : parent.#budget;
    if (this.#depth > LIMITS.derNesting) this.fail('nested too deeply');
  }

  /** A reader over values that stand one behind the other; `name` begins the paths of errors. */
  static over(source: Bytes, name: string): DerReader {
    return new DerReader(source, 0, 0, source.length, name);
  }

  /** The contents of the one constructed value that makes up `source`, with nothing behind it. */
  static whole(source: Bytes, tag: number, name: string): DerReader {
    return DerReader.part(source, source, tag, name);
  }

  /** The same of a view into something larger, from the start of which the offsets of errors are counted. */
  static part(source: Bytes, part: Bytes, tag: number, name: string): DerReader {
    const start = part.byteOffset - source.byteOffset;
    const outer = new DerReader(source, start, start, start + part.length, name);
    const inside = outer.enter(tag, '');
    outer.finish();
    return inside;
  }

  /** What it reads, with tag and length. */
  get encoding(): Bytes {
    return this.#source.subarray(this.#start, this.#end);
  }

  /** Absolute position of the next value. */
  get offset(): number {
    return this.#offset;
  }

  get empty(): boolean {
    return this.#offset === this.#end;
  }

  /** The next value's tag, or -1 at the end: for OPTIONAL and CHOICE. */
  peekTag(): number {
    return this.#offset < this.#end ? (this.#source[this.#offset] as number) : -1;
  }

  /** Enters a constructed value. Without a name it is the next item of a SEQUENCE OF: `[0]`, `[1]`, … */
  enter(tag: number, name?: string): DerReader {
    const label = name ?? `[${this.#items}]`;
    const start = this.#offset;
    this.#header(tag, label);
    return new DerReader(this.#source, start, this.#from, this.#to, label, this);
  }

  /** The contents of a value of any meaning. */
  contents(tag: number, name?: string): Bytes {
    this.#header(tag, name);
    return this.#source.subarray(this.#from, this.#to);
  }

  /** A complete value, tag and length included, its inside unread. `tag` -1: any. */
  element(tag: number, name?: string): Bytes {
    const start = this.#offset;
    this.#header(tag, name);
    return this.#source.subarray(start, this.#to);
  }

  /** A complete value of unknown type, checked as deep as it goes: DER has no strings in pieces, and no lists that are not constructed. */
  any(name?: string): Bytes {
    const start = this.#offset;
    const label = name ?? `[${this.#items}]`;
    this.#header(-1, label);
    const end = this.#to;
    const tag = this.#source[start] as number;
    if (tag < 0x40 && CONSTRUCTED.has(tag & 0x1f) !== tag >= 0x20)
      this.fail(`tag ${hexTag(tag)} is not in use`, start, label);
    if ((tag & 0x20) !== 0) {
      const inside = new DerReader(this.#source, start, this.#from, end, label, this);
      while (!inside.empty) inside.any();
    }
    return this.#source.subarray(start, end);
  }

  boolean(name: string, tag: number = TAG.boolean): boolean {
    const at = this.#offset;
    this.#header(tag, name);
    const value = this.#source[this.#from];
    if (this.#to - this.#from !== 1 || (value !== 0 && value !== 0xff)) this.fail('not a boolean', at, name);
    return value === 0xff;
  }

  /** Two's complement, most significant byte first, in as few bytes as possible. */
  integer(name: string, tag: number = TAG.integer): Bytes {
    const at = this.#offset;
    this.#header(tag, name);
    const first = this.#source[this.#from] as number;
    const length = this.#to - this.#from;
    if (length === 0) this.fail('empty integer', at, name);
    if (length > 1 && (first === 0 || first === 0xff) && (first ^ (this.#source[this.#from + 1] as number)) < 0x80)
      this.fail('integer longer than needed', at, name);
    return this.#source.subarray(this.#from, this.#to);
  }

  /** An integer from 0 to `maximum`, at most 2^31 - 1. */
  smallInteger(name: string, maximum: number, tag: number = TAG.integer): number {
    const at = this.#offset;
    const bytes = this.integer(name, tag);
    let value = 0;
    if ((bytes[0] as number) >= 0x80) this.fail('negative', at, name);
    if (bytes.length > 4) this.fail(`greater than ${maximum}`, at, name);
    for (let index = 0; index < bytes.length; index++) value = value * 256 + (bytes[index] as number);
    if (value > maximum) this.fail(`greater than ${maximum}`, at, name);
    return value;
  }

  /** A bit string of whole bytes: keys and signatures. */
  octetAlignedBits(name: string): Bytes {
    const at = this.#offset;
    this.#header(TAG.bitString, name);
    if (this.#from === this.#to || this.#source[this.#from] !== 0) this.fail('not whole bytes', at, name);
    return this.#source.subarray(this.#from + 1, this.#to);
  }

  /**
   * A list of named bits; bit 0 is the most significant of the result's 32. X.690 section 11.2.2 wants no zero bits at the end, but two
   * roots of Mozilla's store have them, and they change nothing.
   */
  namedBits(name: string, tag: number = TAG.bitString): number {
    const at = this.#offset;
    this.#header(tag, name);
    const length = this.#to - this.#from;
    const unused = this.#source[this.#from] as number;
    if (length === 0 || length > 5 || unused > 7 || (length === 1 && unused !== 0))
      this.fail('not a list of bits', at, name);
    let bits = 0;
    for (let index = 1; index < length; index++)
      bits |= (this.#source[this.#from + index] as number) << (32 - 8 * index);
    const last = this.#source[this.#to - 1] as number;
    if (length > 1 && (last & ((1 << unused) - 1)) !== 0) this.fail('bits behind the last one set', at, name);
    return bits;
  }

  /** The contents of an OBJECT IDENTIFIER, as lower-case hexadecimal: compare with constants, display with {@link dottedOid}. */
  oid(name?: string): string {
    const at = this.#offset;
    this.#header(TAG.objectIdentifier, name);
    if (this.#from === this.#to || this.#to - this.#from > 64) this.fail('not an object identifier', at, name);
    let first = true;
    for (let index = this.#from; index < this.#to; index++) {
      const byte = this.#source[index] as number;
      if (first && byte === 0x80) this.fail('object identifier longer than needed', at, name);
      first = byte < 0x80;
    }
    if (!first) this.fail('object identifier cut off', at, name);
    return hex(this.#source.subarray(this.#from, this.#to));
  }

  null(name: string, tag: number = TAG.null): void {
    const at = this.#offset;
    this.#header(tag, name);
    if (this.#from !== this.#to) this.fail('null with contents', at, name);
  }

  /** Nothing may be left. */
  finish(): void {
    if (this.#offset !== this.#end) this.fail('trailing bytes');
  }

  /** Throws, naming this value (or `child` in it) and `offset`. */
  fail(problem: string, offset = this.#offset, child?: string): never {
    throw new DerError(problem, joinPath(this.#path(), child), offset);
  }

  /** The field that this reader stands for: `tbsCertificate.extensions[3]`. */
  #path(): string {
    return this.#parent === undefined ? this.#name : joinPath(this.#parent.#path(), this.#name);
  }

  /** Reads tag and length; sets #from, #to and moves behind the value. */
  #header(tag: number, name: string | undefined): void {
    const start = this.#offset;
    const source = this.#source;
    const end = this.#end;
    if (end - start < 2) this.#failItem(start === end ? 'missing' : 'cut off', name);
    const found = source[start] as number;
    if (tag !== -1 && found !== tag) this.#failItem(`tag ${hexTag(found)} where ${hexTag(tag)} belongs`, name);
    if ((found & 0x1f) === 0x1f || found === 0) this.#failItem(`tag ${hexTag(found)} is not in use`, name);
    let from = start + 2;
    let length = source[start + 1] as number;
    if (length >= 0x80) {
      const octets = length & 0x7f;
      if (octets === 0) this.#failItem('indefinite length', name);
      if (octets > LENGTH_OCTETS_LIMIT) this.#failItem('too long', name);
      if (octets > end - from) this.#failItem('cut off', name);
      length = 0;
      for (let index = 0; index < octets; index++) length = (length << 8) | (source[from++] as number);
      if (length < 0x80 || (octets > 1 && length >>> (8 * (octets - 1)) === 0))
        this.#failItem('length longer than needed', name);
    }
    if (length > end - from) this.#failItem('cut off', name);
    if (--this.#budget.elements < 0) this.#failItem('too many values', name);
    this.#from = from;
    this.#to = from + length;
    this.#offset = this.#to;
    this.#items++;
  }

  #failItem(problem: string, name: string | undefined): never {
    this.fail(problem, this.#offset, name ?? `[${this.#items}]`);
  }
}

/** `2.5.29.17` from the hexadecimal of its contents, as {@link DerReader.oid} gives it. */
export function dottedOid(key: string): string {
  const arcs: bigint[] = [];
  let arc = 0n;
  for (let index = 0; index < key.length; index += 2) {
    const byte = Number.parseInt(key.slice(index, index + 2), 16);
    arc = arc * 128n + BigInt(byte & 0x7f);
    if (byte >= 0x80) continue;
    // X.690 section 8.19.4: the first two arcs are one number, and the first of them is at most 2.
    const first = arc < 80n ? arc / 40n : 2n;
    if (arcs.length === 0) arcs.push(first, arc - 40n * first);
    else arcs.push(arc);
    arc = 0n;
  }
  return arcs.join('.');
}

function hexTag(tag: number): string {
  return tag < 0 ? '0x??' : `0x${tag.toString(16).padStart(2, '0')}`;
}

function joinPath(path: string, child: string | undefined): string {
  if (child === undefined || child === '') return path;
  return path === '' || child.startsWith('[') ? path + child : `${path}.${child}`;
}
