import { CLONE, ERRNO, PR } from '../os/constants.ts';
import type { Native } from '../os/native.ts';
import { becomeUser, dropBoundingSet, dropCapabilities, isRoot, NOBODY, type UnprivilegedUser } from './credentials.ts';
import type { KeptDescriptor } from './descriptor-slots.ts';
import { closeOtherDescriptors } from './descriptors.ts';
import { restrictByLandlock } from './landlock.ts';
import { limitResources } from './limits.ts';
import type { Mechanism, SandboxLevel } from './mechanisms.ts';
import { refuseExecutableMemory } from './memory.ts';
import { enterEmptyRoot, enterNamespaces, enterUserNamespace } from './namespaces.ts';
import { type Outcome, type Refusal, refusal, type Shortfall } from './outcome.ts';
import { processStatus } from './process-status.ts';
import { filterSystemCalls } from './seccomp.ts';

/** What a process needs to say of itself. */
export interface SandboxOptions {
  readonly level: SandboxLevel;
  /** All that stays open, standard error included: the others are closed. */
  readonly descriptors: readonly KeptDescriptor[];
  /** Who a process of root becomes; others stay who they are. {@link NOBODY} by default. */
  readonly user?: UnprivilegedUser;
  /** How much more private memory the process may map than it has now; 256 MiB by default. */
  readonly memoryBytes?: number;
}

/** What is in force, and what is not. */
export interface SandboxReport {
  readonly level: SandboxLevel;
  /** In the order in which they were applied. */
  readonly applied: readonly AppliedMechanism[];
  /** What the level promises and this system withholds. Unless the user said that it may be missing, the caller must end. */
  readonly missing: readonly MissingMechanism[];
}

/** A mechanism that is in force, though perhaps less of it than a newer kernel has. */
export interface AppliedMechanism extends Partial<Shortfall> {
  readonly mechanism: Mechanism;
  readonly tookMs: number;
}

/** The advice for it is in {@link MECHANISMS}. */
export interface MissingMechanism extends Refusal {
  readonly mechanism: Mechanism;
}

/**
 * Gives up all authority that a process needs no more once its connection is there and its files are read: to be called before
 * the first byte from the network is read. What cannot be applied is reported, and the rest applied nevertheless. There is no
 * way back: on return the process has what `SESSION_POLICY` allows and no more. It must not return to the runtime's event
 * loop, whose descriptors are closed, and should end by `native.exit`.
 */
export function applySandbox(native: Native, options: SandboxOptions): SandboxReport {
  const sandbox = new Sandbox(native, options);
  if (options.level !== 'off') sandbox.apply();
  const { applied, missing } = sandbox;
  return { level: options.level, applied, missing };
}

class Sandbox {
  readonly applied: AppliedMechanism[] = [];
  readonly missing: MissingMechanism[] = [];
  readonly #native: Native;
  readonly #options: SandboxOptions;

  constructor(native: Native, options: SandboxOptions) {
    this.#native = native;
    this.#options = options;
  }

  /** In this order, because most steps need a right that a later one takes away. */
  apply(): void {
    const native = this.#native;
    const { level, descriptors, memoryBytes = DEFAULT_MEMORY_BYTES } = this.#options;
    const mappedBytes = processStatus(native)?.dataBytes; // while /proc can be read
    this.#step('single-thread', requireSingleThread);
    this.#step('no-new-privileges', () => refusal('prctl', native.prctl(PR.SET_NO_NEW_PRIVS, 1, 0, 0, 0)));
    if (level === 'strict') this.#namespacesAndCredentials();
    else this.#step('credentials', () => this.#becomeUnprivileged());
    this.#step('capabilities', dropCapabilities);
    this.#step('not-dumpable', () => refusal('prctl', native.prctl(PR.SET_DUMPABLE, 0, 0, 0, 0)));
    this.#step('no-executable-memory', refuseExecutableMemory);
    this.#step('landlock', restrictByLandlock);
    this.#step('resource-limits', () =>
      mappedBytes === undefined
        ? { call: 'open (/proc/self/status)', errno: ERRNO.ENOENT }
        : limitResources(native, descriptors, mappedBytes + memoryBytes),
    );
    this.#step('descriptors', () => closeOtherDescriptors(native, descriptors));
    this.#step('seccomp', () => filterSystemCalls(native, descriptors));
  }

  /** Root enters the namespaces as such, which works where users may not, and so do users by way of a user namespace. */
  #namespacesAndCredentials(): void {
    const asRoot =
      isRoot(this.#native) && this.#attempt('namespaces', (native) => enterNamespaces(native, 'as-root')) === undefined;
    if (asRoot) this.#step('root-directory', enterEmptyRoot);
    this.#step('credentials', () => this.#becomeUnprivileged());
    if (asRoot) {
      this.#step('user-namespace', enterUserNamespace);
      return;
    }
    const refused = this.#attempt('namespaces', (native) => enterNamespaces(native, 'with-user-namespace'));
    this.#step('user-namespace', () => refused);
    if (refused === undefined) this.#step('root-directory', enterEmptyRoot);
    else this.missing.push({ mechanism: 'namespaces', ...refused }, { mechanism: 'root-directory', ...refused });
  }

  #becomeUnprivileged(): Refusal | undefined {
    if (!isRoot(this.#native)) return undefined;
    return dropBoundingSet(this.#native) ?? becomeUser(this.#native, this.#options.user ?? NOBODY);
  }

  /** Applies one mechanism, and enters the result into the report. */
  #step(mechanism: Mechanism, apply: (native: Native) => Outcome): void {
    const refused = this.#attempt(mechanism, apply);
    if (refused !== undefined) this.missing.push({ mechanism, ...refused });
  }

  #attempt(mechanism: Mechanism, apply: (native: Native) => Outcome): Refusal | undefined {
    const startMs = this.#native.monotonicMs();
    const result = apply(this.#native);
    if (result !== undefined && 'errno' in result) return result;
    this.applied.push({ mechanism, ...result, tookMs: this.#native.monotonicMs() - startMs });
    return undefined;
  }
}

/** Many times what a session needs, whose buffers are bounded, and the collector's slack. */
const DEFAULT_MEMORY_BYTES = 256 * 2 ** 20;

/** Asks the kernel, without any effect: CLONE_VM can be unshared only by a process whose memory nobody else has. */
function requireSingleThread(native: Native): Refusal | undefined {
  const result = native.unshare(CLONE.VM);
  if (result >= 0) return undefined;
  // Some containers forbid unshare(2) altogether.
  return result !== -ERRNO.EINVAL && processStatus(native)?.threads === 1 ? undefined : refusal('unshare', result);
}
