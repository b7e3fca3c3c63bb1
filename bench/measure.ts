/** CPU time, which other programs on the machine disturb least, in interleaved rounds. */

/** User and system time of this process so far, all threads, in microseconds. */
export function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Of the rounds of one subject. Compare only figures of one run. */
export interface Figure {
  readonly best: number;
  readonly median: number;
}

/** Rounds by subject. The first of each are left out: in them the runtime compiles. */
export class Rounds {
  readonly #bySubject = new Map<string, number[]>();
  readonly #warmUp: number;

  /** @param warmUp how many rounds of each subject do not count */
  constructor(warmUp: number) {
    this.#warmUp = warmUp;
  }

  add(subject: string, value: number): void {
    const rounds = this.#bySubject.get(subject) ?? [];
    rounds.push(value);
    this.#bySubject.set(subject, rounds);
  }

  /** Null for a subject that was not measured. */
  figure(subject: string): Figure | null {
    const counted = (this.#bySubject.get(subject) ?? []).slice(this.#warmUp).sort((a, b) => a - b);
    const [best] = counted;
    const median = counted[counted.length >> 1];
    return best === undefined || median === undefined ? null : { best, median };
  }
}

/** `Bun 1.4.5, JIT off` and the like. */
export function runtimeName(): string {
  const name = process.versions.bun === undefined ? `Node ${process.versions.node}` : `Bun ${process.versions.bun}`;
  return process.env.BUN_JSC_useJIT === '0' ? `${name}, JIT off` : name;
}

/** What a process of one connection runs with: see RUNTIME_SETTINGS in src/os/runtime.ts. */
export const JIT_OFF = { BUN_JSC_useJIT: '0', BUN_JSC_useConcurrentGC: '0', BUN_JSC_numberOfGCMarkers: '1' } as const;

/** The columns of `rows`, aligned: the first to the left, the others to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const cell = (text: string, column: number) =>
    column === 0 ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0);
  return rows.map((row) => row.map(cell).join('  ').trimEnd()).join('\n');
}

/** `123 (130)`: the best of the rounds, and their median. */
export function shown(figure: Figure | null, digits = 0): string {
  return figure === null ? '-' : `${figure.best.toFixed(digits)} (${figure.median.toFixed(digits)})`;
}

/** `1.5x`, of the best rounds. */
export function ratio(ours: Figure | null, other: Figure | null): string {
  return ours === null || other === null ? '-' : `${(ours.best / other.best).toFixed(2)}x`;
}
