import { becomeUser, dropBoundingSet, dropCapabilities, isRoot, NOBODY } from '../../src/isolation/credentials.ts';
import { fillDescriptorSlots, type KeptDescriptor } from '../../src/isolation/descriptor-slots.ts';
import { closeOtherDescriptors } from '../../src/isolation/descriptors.ts';
import { compileFilter } from '../../src/isolation/filter.ts';
import { restrictByLandlock } from '../../src/isolation/landlock.ts';
import { limitResources } from '../../src/isolation/limits.ts';
import type { SandboxLevel } from '../../src/isolation/mechanisms.ts';
import { refuseExecutableMemory } from '../../src/isolation/memory.ts';
import { enterEmptyRoot, enterNamespaces } from '../../src/isolation/namespaces.ts';
import { type Outcome, refusal } from '../../src/isolation/outcome.ts';
import { type Rule, SESSION_POLICY } from '../../src/isolation/policy.ts';
import { processStatus } from '../../src/isolation/process-status.ts';
import { applySandbox, type SandboxReport } from '../../src/isolation/sandbox.ts';
import { filterSystemCalls } from '../../src/isolation/seccomp.ts';
import type { Architecture, SystemCall } from '../../src/isolation/syscalls.ts';
import { PR } from '../../src/os/constants.ts';
import type { Native } from '../../src/os/native.ts';

export const LEVELS = ['off', 'standard', 'strict'] as const;

/** Each mechanism without the others, so that what it stops is its own doing. */
export const SINGLE_MECHANISMS = {
  seccomp: (native, kept) => noNewPrivileges(native) ?? filterSystemCalls(native, kept),
  landlock: (native) => noNewPrivileges(native) ?? restrictByLandlock(native),
  namespaces: (native) =>
    enterNamespaces(native, isRoot(native) ? 'as-root' : 'with-user-namespace') ??
    enterEmptyRoot(native) ??
    dropCapabilities(native),
  credentials: (native) =>
    (isRoot(native) ? (dropBoundingSet(native) ?? becomeUser(native, NOBODY)) : undefined) ?? dropCapabilities(native),
  descriptors: (native, kept) => closeOtherDescriptors(native, kept),
  'resource-limits': (native, kept) =>
    limitResources(native, kept, (processStatus(native)?.dataBytes ?? 0) + MEMORY_BYTES),
  'no-executable-memory': (native) => refuseExecutableMemory(native),
  'not-dumpable': (native) => refusal('prctl', native.prctl(PR.SET_DUMPABLE, 0, 0, 0, 0)),
} as const satisfies Record<string, (native: Native, kept: readonly KeptDescriptor[]) => Outcome>;

export type SingleMechanism = keyof typeof SINGLE_MECHANISMS;
export type Confinement = SandboxLevel | SingleMechanism;

export const CONFINEMENTS: readonly Confinement[] = [
  ...LEVELS,
  ...(Object.keys(SINGLE_MECHANISMS) as SingleMechanism[]),
];

const MEMORY_BYTES = 512 * 1024 * 1024;

/** @throws Error when a single mechanism cannot be applied. Of the levels the report tells. */
export function confine(native: Native, confinement: Confinement, kept: readonly KeptDescriptor[]): SandboxReport {
  if (isLevel(confinement)) return applySandbox(native, { level: confinement, descriptors: kept });
  const outcome: Outcome = SINGLE_MECHANISMS[confinement](native, kept);
  if (outcome !== undefined && 'errno' in outcome)
    throw new Error(`${confinement}: ${outcome.call}: errno ${outcome.errno}`);
  return { level: 'off', applied: [], missing: [] };
}

/** The filter alone, with one call of the policy let through whatever its arguments are: what a careless edit would leave of it. */
export function confineLoosely(native: Native, loosened: SystemCall, kept: readonly KeptDescriptor[]): void {
  const policy = SESSION_POLICY.map(
    (rule): Rule => (rule.call === loosened ? { call: rule.call, verdict: 'allow', why: rule.why } : rule),
  );
  const program = compileFilter(policy, process.arch as Architecture);
  fillDescriptorSlots(program, kept);
  if ((noNewPrivileges(native) ?? refusal('seccomp', native.seccompFilter(0, program))) !== undefined)
    throw new Error('the filter cannot be loaded');
}

function isLevel(confinement: Confinement): confinement is SandboxLevel {
  return !Object.hasOwn(SINGLE_MECHANISMS, confinement);
}

function noNewPrivileges(native: Native): Outcome {
  return refusal('prctl', native.prctl(PR.SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}
