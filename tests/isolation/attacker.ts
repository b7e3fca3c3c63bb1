import type { NativeCode, Word } from './native-code.ts';

/** Code that runs in a process with nothing but the system calls to get out of it. */
export class Attacker {
  readonly code: NativeCode;
  readonly #numbers: ReadonlyMap<string, number>;

  constructor(code: NativeCode, numbers: ReadonlyMap<string, number>) {
    this.code = code;
    this.#numbers = numbers;
  }

  /** @returns what the kernel returns: `-errno` on failure. A call that this architecture does not have is -ENOSYS. */
  sys(name: string, ...words: Word[]): number {
    return this.code.call(this.#numbers.get(name) ?? -1, ...words);
  }

  /** For preparations: a call that must not fail. */
  must(name: string, ...words: Word[]): number {
    const result = this.sys(name, ...words);
    if (result < 0) throw new Error(`${name}: ${result}`);
    return result;
  }

  /** Opens by name; no further flags are added. */
  open(path: string, flags: number, mode = 0): number {
    return this.sys('openat', AT_FDCWD, text(path), flags, mode);
  }

  /** A name in the directory that nothing has yet: every attempt runs in a process of its own. */
  newPath(directory: string): Uint8Array {
    return text(`${directory}/${this.must('getpid')}`);
  }

  /** A structure of 64-bit words, with the addresses of the typed arrays among them. */
  structure(...fields: Word[]): BigUint64Array {
    const values = fields.map((field) =>
      typeof field === 'number' || typeof field === 'bigint'
        ? BigInt.asUintN(64, BigInt(field))
        : this.code.address(field),
    );
    return BigUint64Array.from(values);
  }
}

export const AT_FDCWD = -100;

/** With the NUL at its end. */
export function text(value: string): Uint8Array {
  return new TextEncoder().encode(`${value}\0`);
}

/** `struct sockaddr_in` of 127.0.0.1. */
export function loopback(port: number): Uint8Array {
  return Uint8Array.of(2, 0, port >> 8, port & 255, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0);
}

/** `struct sockaddr_un`; a name that begins with a NUL is abstract. */
export function unixAddress(name: string): Uint8Array {
  const bytes = new TextEncoder().encode(name);
  return Uint8Array.of(1, 0, ...bytes, ...(name.startsWith('\0') ? [] : [0]));
}
