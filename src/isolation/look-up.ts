import { EMPTY } from '../core/bytes.ts';
import type { Native } from '../os/native.ts';
import type { LookUpConfinement } from '../os/resolver.ts';
import { isRoot, NOBODY } from './credentials.ts';
import { LOOK_UP_FILTER } from './look-up-filter.ts';
import type { Mechanism, SandboxLevel } from './mechanisms.ts';
import { isArchitecture } from './syscalls.ts';

/**
 * What is taken from the process of a look-up, in which the C library parses what name servers say: root, and the system calls
 * that are not in `LOOK_UP_POLICY`. Neither is tolerated to be missing unless it is in `without`, and with the level `off` nothing
 * is taken.
 */
export function lookUpConfinement(
  native: Native,
  level: SandboxLevel,
  without: readonly Mechanism[],
): LookUpConfinement {
  const wanted = (mechanism: Mechanism): boolean => level !== 'off' && !without.includes(mechanism);
  const architecture = process.arch;
  const filter = wanted('seccomp') && isArchitecture(architecture);
  return {
    user: wanted('credentials') && isRoot(native) ? NOBODY.uid : null,
    filter: filter ? Uint8Array.fromHex(LOOK_UP_FILTER[architecture]) : EMPTY,
  };
}
