import { CLONE, MNT_DETACH, MS } from '../os/constants.ts';
import type { Native } from '../os/native.ts';
import { type Refusal, refusal } from './outcome.ts';

/**
 * Empty namespaces of every kind of which this thread can change its own. A socket that is connected stays in the network
 * namespace in which it was made, and goes on working. The PID namespace is that of children only, which the filter denies
 * anyway: this process keeps its place among the others.
 */
export function enterNamespaces(native: Native, user: 'with-user-namespace' | 'as-root'): Refusal | undefined {
  const flags = NAMESPACES | (user === 'as-root' ? 0 : CLONE.NEWUSER);
  return refusal('unshare', native.unshare(flags));
}

const NAMESPACES = CLONE.NEWNS | CLONE.NEWNET | CLONE.NEWIPC | CLONE.NEWUTS | CLONE.NEWPID | CLONE.NEWCGROUP;

/** A user namespace in which no id is mapped. */
export function enterUserNamespace(native: Native): Refusal | undefined {
  return refusal('unshare', native.unshare(CLONE.NEWUSER));
}

/**
 * Makes an empty, read-only file system the root, and lets go of the old one. By pivot_root(2), for there are ways out of a
 * chroot(2). Needs a mount namespace of its own.
 */
export function enterEmptyRoot(native: Native): Refusal | undefined {
  const steps = [
    () => refusal('mount (private)', native.mount('none', '/', '', MS.REC | MS.PRIVATE, '')),
    () => mountEmpty(native),
    // The old root lands on top of the new one, from where the next call takes it off: pivot_root(2), NOTES.
    () => refusal('pivot_root', native.pivotRoot('.', '.')),
    () => refusal('umount2', native.unmount('.', MNT_DETACH)),
    () => refusal('chdir', native.chdir('/')),
  ];
  for (const step of steps) {
    const refused = step();
    if (refused !== undefined) return refused;
  }
  return undefined;
}

/** Mounts an empty file system where nobody else sees it, and makes it the working directory. */
function mountEmpty(native: Native): Refusal | undefined {
  let result = 0;
  for (const directory of COVERED_DIRECTORIES) {
    result = native.mount('none', directory, 'tmpfs', EMPTY_MOUNT_FLAGS, 'mode=500,size=4k,nr_inodes=2');
    if (result === 0) return refusal('chdir', native.chdir(directory));
  }
  return refusal('mount (tmpfs)', result);
}

/** Any directory will do; every system has one of these. */
const COVERED_DIRECTORIES = ['/tmp', '/usr', '/etc', '/proc', '/dev'] as const;
const EMPTY_MOUNT_FLAGS = MS.RDONLY | MS.NOSUID | MS.NODEV | MS.NOEXEC;
