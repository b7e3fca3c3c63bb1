/**
 * Makes every attempt under every confinement, each in a process of its own: forked, prepared, confined, and then let loose.
 * Reads a {@link ProberOrder} from the file named on its command line, and writes a {@link ProberResult} to standard output.
 * It runs with the settings of a session (one thread, no JIT), since its children are such processes.
 */
import { readFileSync } from 'node:fs';
import type { KeptDescriptor } from '../../src/isolation/descriptor-slots.ts';
import type { SandboxReport } from '../../src/isolation/sandbox.ts';
import type { SystemCall } from '../../src/isolation/syscalls.ts';
import { errnoName, SIGNAL, WNOHANG } from '../../src/os/constants.ts';
import { loadNative } from '../../src/os/load.ts';
import type { Native } from '../../src/os/native.ts';
import { Attacker } from './attacker.ts';
import { type Attempt, type Capability, EXEC_SUCCEEDED, writeOnly } from './attempt.ts';
import { FILES, INHERITED_DESCRIPTORS } from './attempts/files.ts';
import { KERNEL, PRIVILEGES } from './attempts/kernel.ts';
import { MEMORY } from './attempts/memory.ts';
import { NETWORK, POSSIBLE } from './attempts/network.ts';
import { OUTSIDE } from './attempts/outside.ts';
import { PROCESSES } from './attempts/processes.ts';
import { CONFINEMENTS, type Confinement, confine, confineLoosely } from './confinement.ts';
import { loadNativeCode } from './native-code.ts';
import { type Scene, setScene, strikeScene } from './scene.ts';

export interface ProberOrder {
  /** The module of probe.c. */
  readonly module: string;
  readonly numbers: readonly (readonly [name: string, number: number])[];
  /** Numbers of system calls to make at `standard`, one after the other, with zeros for arguments. */
  readonly sweep: readonly number[];
  /** Calls of the policy, each with the attempt to make when it is let through with any arguments. */
  readonly loosened: readonly (readonly [call: SystemCall, attempt: string])[];
  /** Who to be instead of root. */
  readonly user?: number;
}

export interface ProberResult {
  /** CapEff of the prober. */
  readonly capabilities: string;
  readonly reports: Readonly<Record<'standard' | 'strict', SandboxReport>>;
  readonly attempts: readonly AttemptResult[];
  /** At `standard`, for each number of the order's `sweep`. */
  readonly sweep: readonly AttemptOutcome[];
  /** For each pair of the order's `loosened`. */
  readonly loosened: readonly AttemptOutcome[];
}

export interface AttemptResult {
  readonly group: string;
  readonly name: string;
  readonly capability?: Capability;
  readonly feature?: string;
  readonly outcomes: Readonly<Partial<Record<Confinement, AttemptOutcome>>>;
}

/** `allowed`, an errno, or what the process died of. `broken` is a fault of the probe itself. */
export type AttemptOutcome = 'allowed' | 'broken' | (string & {});

const GROUPS = [FILES, INHERITED_DESCRIPTORS, PROCESSES, NETWORK, MEMORY, PRIVILEGES, KERNEL, POSSIBLE];
const PATIENCE_MS = 20_000;

class Prober {
  readonly #native: Native;
  readonly #attacker: Attacker;
  readonly #scene: Scene;

  constructor(native: Native, attacker: Attacker, scene: Scene) {
    this.#native = native;
    this.#attacker = attacker;
    this.#scene = scene;
  }

  attempt({ prepare }: Pick<Attempt, 'prepare'>, confinement: Confinement): AttemptOutcome {
    return this.#confined(prepare, (kept) => confine(this.#native, confinement, kept));
  }

  loosened(call: SystemCall, name: string): AttemptOutcome {
    const attempt = GROUPS.flatMap(({ attempts }) => attempts).find((one) => one.name === name);
    if (attempt === undefined) throw new Error(`no such attempt: ${name}`);
    return this.#confined(attempt.prepare, (kept) => confineLoosely(this.#native, call, kept));
  }

  #confined(prepare: Attempt['prepare'], confine: (kept: readonly KeptDescriptor[]) => void): AttemptOutcome {
    const { bytes, status } = this.#inChild((report) => {
      const { run, keep = [] } = prepare(this.#attacker, this.#scene);
      confine([writeOnly(report), ...keep]);
      return Int32Array.of(Math.min(0, run()));
    });
    if (bytes.length === 4) return resultName(new Int32Array(bytes.buffer)[0] as number);
    if (status === EXEC_SUCCEEDED << 8) return 'allowed';
    return deathName(status);
  }

  attemptOutside(run: (process: number) => number, confinement: Confinement): AttemptOutcome {
    const native = this.#native;
    const ends = new Int32Array(2);
    native.pipe(ends);
    const [readable, writable] = [ends[0] as number, ends[1] as number];
    const process = native.fork();
    if (process === 0) {
      confine(native, confinement, [writeOnly(writable), writeOnly(2)]);
      native.write(writable, Uint8Array.of(1), 0, 1);
      for (;;) native.poll(new Int32Array(0), new Int32Array(0), -1);
    }
    native.close(writable);
    const confined = native.read(readable, new Uint8Array(1), 0, 1) === 1;
    const result = confined ? resultName(Math.min(0, run(process))) : 'broken';
    native.kill(process, 9);
    native.wait(process, new Int32Array(1), 0);
    native.close(readable);
    return result;
  }

  /** What becomes of a process that makes the call of that number, with zeros for arguments. */
  sweep(number: number): AttemptOutcome {
    return this.attempt({ prepare: () => ({ run: () => this.#attacker.code.call(number) }) }, 'standard');
  }

  report(level: 'standard' | 'strict'): SandboxReport {
    const { bytes } = this.#inChild((report) => {
      const text = JSON.stringify(confine(this.#native, level, [writeOnly(report)]));
      return new TextEncoder().encode(text);
    });
    return JSON.parse(new TextDecoder().decode(bytes)) as SandboxReport;
  }

  /** What `run` returns in a forked process, or nothing if it does not come to that, and how the process ended. */
  #inChild(run: (report: number) => Uint8Array | Int32Array): { readonly bytes: Uint8Array; readonly status: number } {
    const native = this.#native;
    const ends = new Int32Array(2);
    native.pipe(ends);
    const [readable, writable] = [ends[0] as number, ends[1] as number];
    const process = native.fork();
    if (process === 0) {
      try {
        const result = run(writable);
        const bytes = new Uint8Array(result.buffer, result.byteOffset, result.byteLength);
        native.write(writable, bytes, 0, bytes.length);
        native.exit(0);
      } catch (error) {
        const complaint = new TextEncoder().encode(`${String(error)}\n`);
        native.write(2, complaint, 0, complaint.length);
        native.exit(BROKEN);
      }
    }
    native.close(writable);
    const bytes = this.#readAll(readable);
    native.close(readable);
    const status = new Int32Array(1);
    const deadline = native.monotonicMs() + PATIENCE_MS;
    while (native.wait(process, status, WNOHANG) === 0) {
      if (native.monotonicMs() > deadline) native.kill(process, 9);
      native.poll(new Int32Array(0), new Int32Array(0), 1);
    }
    return { bytes, status: status[0] as number };
  }

  #readAll(fd: number): Uint8Array {
    const buffer = new Uint8Array(65536);
    let length = 0;
    while (this.#native.poll(Int32Array.of(fd, 1), new Int32Array(1), PATIENCE_MS) === 1) {
      const read = this.#native.read(fd, buffer, length, buffer.length - length);
      if (read <= 0) break;
      length += read;
    }
    return buffer.slice(0, length);
  }
}

/** What a child exits with when the probe itself fails. */
const BROKEN = 99;

function resultName(result: number): AttemptOutcome {
  return result < 0 ? errnoName(result) : 'allowed';
}

function deathName(status: number): AttemptOutcome {
  const signal = status & 0x7f;
  if (signal === 0) return 'broken';
  if (signal === SIGNAL.SIGSYS) return 'killed';
  return Object.entries(SIGNAL).find(([, number]) => number === signal)?.[0] ?? `signal ${signal}`;
}

function main(): void {
  const order = JSON.parse(readFileSync(process.argv[2] as string, 'utf8')) as ProberOrder;
  const native = loadNative();
  const attacker = new Attacker(loadNativeCode(order.module), new Map(order.numbers));
  if (order.user !== undefined) {
    native.setGroups([]);
    native.setResGid(order.user);
    native.setResUid(order.user);
    native.prctl(4 /* PR_SET_DUMPABLE, which a change of user clears */, 1, 0, 0, 0);
  }
  const scene = setScene(attacker, native);
  const prober = new Prober(native, attacker, scene);
  const over = (attempt: (confinement: Confinement) => AttemptOutcome): AttemptResult['outcomes'] =>
    Object.fromEntries(CONFINEMENTS.map((confinement) => [confinement, attempt(confinement)]));
  const inside = GROUPS.flatMap((group) =>
    group.attempts.map(({ prepare, ...attempt }) => ({
      ...attempt,
      group: group.title,
      outcomes: over((confinement) => prober.attempt({ ...attempt, prepare }, confinement)),
    })),
  );
  const outside = OUTSIDE.attempts.map(({ run, ...attempt }) => ({
    ...attempt,
    group: OUTSIDE.title,
    outcomes: over((confinement) =>
      prober.attemptOutside((process) => run(attacker, process, scene.secret), confinement),
    ),
  }));
  const result: ProberResult = {
    capabilities: /^CapEff:\s+(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '',
    reports: { standard: prober.report('standard'), strict: prober.report('strict') },
    attempts: [...inside, ...outside],
    sweep: order.sweep.map((number) => prober.sweep(number)),
    loosened: order.loosened.map(([call, name]) => prober.loosened(call, name)),
  };
  strikeScene(attacker, native, scene);
  console.log(JSON.stringify(result));
}

if (import.meta.main) main();
