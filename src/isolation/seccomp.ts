import { ERRNO, O } from '../os/constants.ts';
import type { Native } from '../os/native.ts';
import { fillDescriptorSlots, type KeptDescriptor } from './descriptor-slots.ts';
import { type Refusal, refusal } from './outcome.ts';
import { SESSION_FILTER } from './session-filter.ts';
import { isArchitecture } from './syscalls.ts';

/**
 * Puts the filter of a session in force, and proves that it is.
 * @throws RangeError when there are more descriptors than the filter has slots for
 */
export function filterSystemCalls(native: Native, descriptors: readonly KeptDescriptor[]): Refusal | undefined {
  const architecture = process.arch;
  if (!isArchitecture(architecture)) return { call: `seccomp (${architecture})`, errno: ERRNO.ENOSYS };
  const program = Uint8Array.fromHex(SESSION_FILTER[architecture]);
  fillDescriptorSlots(program, descriptors);
  const refused = refusal('seccomp', native.seccompFilter(FLAGS, program));
  if (refused !== undefined) return refused;
  // The filter answers EPERM; without it Landlock says EACCES, or the call succeeds.
  const answer = native.openFile('/', O.RDONLY, 0);
  return answer === -ERRNO.EPERM ? undefined : { call: 'seccomp (not in force)', errno: ERRNO.EINVAL };
}

/** SECCOMP_FILTER_FLAG_TSYNC and TSYNC_ESRCH: all threads or none, should the user have let there be more than one. */
const FLAGS = 0x1 | 0x10;
