import { ERRNO, PR } from '../os/constants.ts';
import type { Native } from '../os/native.ts';
import { type Refusal, refusal } from './outcome.ts';

/** Ids as the kernel numbers them. */
export interface UnprivilegedUser {
  readonly uid: number;
  readonly gid: number;
}

/** The kernel's overflow id, which owns nothing by convention: `nobody` on Debian. */
export const NOBODY: UnprivilegedUser = { uid: 65534, gid: 65534 };

/** By its real or its effective user id. */
export function isRoot(native: Native): boolean {
  return native.getuid() === 0 || native.geteuid() === 0;
}

/** Groups first, for after the user id there is no right to change them; then proves that there is no way back. */
export function becomeUser(native: Native, user: UnprivilegedUser): Refusal | undefined {
  const refused =
    refusal('setgroups', native.setGroups([])) ??
    refusal('setresgid', native.setResGid(user.gid)) ??
    refusal('setresuid', native.setResUid(user.uid));
  if (refused !== undefined) return refused;
  const changed = native.getuid() === user.uid && native.geteuid() === user.uid && native.getegid() === user.gid;
  if (!changed || user.uid === 0 || native.setResUid(0) === 0) return { call: 'setresuid', errno: ERRNO.EPERM };
  return undefined;
}

/**
 * Empties the bounding set, where the process has the right to, and then all of its own sets (with which the kernel empties the
 * ambient one).
 */
export function dropCapabilities(native: Native): Refusal | undefined {
  return dropBoundingSet(native) ?? refusal('capset', native.dropCapabilities());
}

/** While it is still privileged. A process without CAP_SETPCAP cannot, and as it cannot gain privileges by exec need not. */
export function dropBoundingSet(native: Native): Refusal | undefined {
  for (let capability = 0; capability < 64; capability++) {
    const result = native.prctl(PR.CAPBSET_DROP, capability, 0, 0, 0);
    if (result === -ERRNO.EINVAL || result === -ERRNO.EPERM) return undefined; // past the last one, or without the right
    if (result < 0) return refusal('prctl (PR_CAPBSET_DROP)', result);
  }
  return undefined;
}
