import { CLONE, ERRNO, NATIVE_LIMITS, O, PR, RLIMIT } from '../os/constants.ts';
import type { Native } from '../os/native.ts';
import { becomeUser, dropBoundingSet, dropCapabilities, isRoot, NOBODY, type UnprivilegedUser } from './credentials.ts';
import { fillDescriptorSlots, type KeptDescriptor } from './descriptor-slots.ts';
import { landlockDenyAll, landlockShortfall, landlockVersion } from './landlock.ts';
import type { Mechanism, SandboxLevel } from './mechanisms.ts';
import { enterEmptyRoot, enterNamespaces, enterUserNamespace } from './namespaces.ts';
import { processStatus } from './process-status.ts';
import { type Refusal, refusal } from './refusal.ts';
import { SESSION_FILTER } from './session-filter.ts';
import { isArchitecture } from './syscalls.ts';

export interface SandboxOptions {
  readonly level: SandboxLevel;
  /** All that stays open, standard error included: the others are closed. */
  readonly descriptors: readonly KeptDescriptor[];
  /** Who a process of root becomes; others stay who they are. {@link NOBODY} by default. */
  readonly user?: UnprivilegedUser;
  /** How much more private memory the process may map than it has now; unbounded without. */
  readonly memoryBytes?: number;
}

export interface SandboxReport {
  readonly level: SandboxLevel;
  /** In the order in which they were applied. */
  readonly applied: readonly AppliedMechanism[];
  /** What the level promises and this system withholds. Unless the user said that it may be missing, the caller must end. */
  readonly missing: readonly MissingMechanism[];
}

export interface AppliedMechanism {
  readonly mechanism: Mechanism;
  /** What this kernel is too old for, so that the filter alone does it. */
  readonly shortfall?: string;
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

interface Shortfall {
  readonly shortfall: string;
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
    const mappedBytes = this.#options.memoryBytes === undefined ? undefined : processStatus(native)?.dataBytes;
    this.#step('single-thread', requireSingleThread);
    this.#step('no-new-privileges', () => refusal('prctl', native.prctl(PR.SET_NO_NEW_PRIVS, 1, 0, 0, 0)));
    if (this.#options.level === 'strict') this.#namespacesAndCredentials();
    else this.#step('credentials', () => this.#becomeUnprivileged());
    this.#step('capabilities', dropCapabilities);
    this.#step('not-dumpable', () => refusal('prctl', native.prctl(PR.SET_DUMPABLE, 0, 0, 0, 0)));
    this.#step('no-executable-memory', refuseExecutableMemory);
    this.#step('landlock', restrictByLandlock);
    this.#step('resource-limits', () => this.#limitResources(mappedBytes));
    this.#step('descriptors', () => this.#closeOtherDescriptors());
    this.#step('seccomp', () => this.#filterSystemCalls());
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

  #limitResources(mappedBytes: number | undefined): Refusal | undefined {
    const { memoryBytes, descriptors } = this.#options;
    let result = 0;
    for (const resource of NOTHING_OF) result ||= this.#native.setResourceLimit(resource, 0, 0);
    // poll(2) fails with more entries than this, whether they hold a descriptor or not.
    let files: number = NATIVE_LIMITS.polledDescriptors;
    for (const { fd } of descriptors) if (fd >= files) files = fd + 1;
    result ||= this.#native.setResourceLimit(RLIMIT.NOFILE, files, files);
    if (memoryBytes !== undefined && mappedBytes === undefined)
      return { call: 'open (/proc/self/status)', errno: ERRNO.ENOENT };
    if (memoryBytes !== undefined) {
      const most = (mappedBytes as number) + memoryBytes;
      result ||= this.#native.setResourceLimit(RLIMIT.DATA, most, most);
    }
    return refusal('setrlimit', result);
  }

  #closeOtherDescriptors(): Refusal | undefined {
    for (let from = 0, next = 0; from <= LAST_DESCRIPTOR; from = next + 1) {
      next = LAST_DESCRIPTOR + 1;
      for (const { fd } of this.#options.descriptors) if (fd >= from && fd < next) next = fd;
      const result = next > from ? this.#native.closeRange(from, next - 1, 0) : 0;
      if (result < 0) return refusal('close_range', result);
    }
    return undefined;
  }

  #filterSystemCalls(): Refusal | undefined {
    const architecture = process.arch;
    if (!isArchitecture(architecture)) return { call: `seccomp (${architecture})`, errno: ERRNO.ENOSYS };
    const program = Uint8Array.fromHex(SESSION_FILTER[architecture]);
    fillDescriptorSlots(program, this.#options.descriptors);
    const refused = refusal('seccomp', this.#native.seccompFilter(FILTER_FLAGS, program));
    if (refused !== undefined) return refused;
    // A filter that is in force answers EPERM, where Landlock says EACCES and nothing opens the file.
    const answer = this.#native.openFile('/', O.RDONLY, 0);
    return answer === -ERRNO.EPERM ? undefined : { call: 'seccomp (not in force)', errno: ERRNO.EINVAL };
  }

  /** Applies one mechanism, and enters the result into the report. */
  #step(mechanism: Mechanism, apply: (native: Native) => Refusal | Shortfall | undefined): void {
    const refused = this.#attempt(mechanism, apply);
    if (refused !== undefined) this.missing.push({ mechanism, ...refused });
  }

  #attempt(mechanism: Mechanism, apply: (native: Native) => Refusal | Shortfall | undefined): Refusal | undefined {
    const startMs = this.#native.monotonicMs();
    const result = apply(this.#native);
    if (result !== undefined && 'errno' in result) return result;
    this.applied.push({ mechanism, ...result, tookMs: this.#native.monotonicMs() - startMs });
    return undefined;
  }
}

/** Asks the kernel, without any effect: CLONE_VM can be unshared only by a process whose memory nobody else has. */
function requireSingleThread(native: Native): Refusal | undefined {
  const result = native.unshare(CLONE.VM);
  if (result >= 0) return undefined;
  // Some containers forbid unshare(2) altogether.
  return result !== -ERRNO.EINVAL && processStatus(native)?.threads === 1 ? undefined : refusal('unshare', result);
}

function refuseExecutableMemory(native: Native): Refusal | Shortfall | undefined {
  const result = native.prctl(PR.SET_MDWE, MDWE_REFUSE_EXEC_GAIN, 0, 0, 0);
  return result === -ERRNO.EINVAL ? { shortfall: 'it came with Linux 6.3' } : refusal('prctl', result);
}

function restrictByLandlock(native: Native): Refusal | Shortfall | undefined {
  const version = landlockVersion(native);
  if (version < 0) return refusal('landlock_create_ruleset', version);
  const refused = refusal('landlock_restrict_self', landlockDenyAll(native, version));
  if (refused !== undefined) return refused;
  const shortfall = landlockShortfall(version);
  return shortfall === undefined ? undefined : { shortfall };
}

/** Resources of which none is left. */
const NOTHING_OF = [RLIMIT.CORE, RLIMIT.NPROC, RLIMIT.MEMLOCK, RLIMIT.MSGQUEUE] as const;
const MDWE_REFUSE_EXEC_GAIN = 1;
/** For close_range(2), which takes unsigned numbers. */
const LAST_DESCRIPTOR = 0xffffffff;
/** SECCOMP_FILTER_FLAG_TSYNC and TSYNC_ESRCH: for all threads or none, should the user have let there be more than one. */
const FILTER_FLAGS = 0x1 | 0x10;
