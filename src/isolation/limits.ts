import { ERRNO, NATIVE_LIMITS, RLIMIT } from '../os/constants.ts';
import type { Native } from '../os/native.ts';
import type { KeptDescriptor } from './descriptor-slots.ts';
import { type Refusal, refusal } from './outcome.ts';

/**
 * Lowers the limits of setrlimit(2) for good: no core file, no process, no locked memory, no message queue, few descriptors.
 * @param dataBytes private writable memory that may be mapped, all in all
 */
export function limitResources(
  native: Native,
  descriptors: readonly KeptDescriptor[],
  dataBytes: number,
): Refusal | undefined {
  let result = 0;
  for (const resource of NOTHING_OF) result ||= native.setResourceLimit(resource, 0, 0);
  // poll(2) fails with more entries than this, whether they hold a descriptor or not.
  let files: number = NATIVE_LIMITS.polledDescriptors;
  for (const { fd } of descriptors) if (fd >= files) files = fd + 1;
  result ||= lower(native, RLIMIT.NOFILE, files);
  result ||= lower(native, RLIMIT.DATA, dataBytes);
  return refusal('setrlimit', result);
}

const NOTHING_OF = [RLIMIT.CORE, RLIMIT.NPROC, RLIMIT.MEMLOCK, RLIMIT.MSGQUEUE] as const;

/** EPERM is for a limit that is lower already: it stays. */
function lower(native: Native, resource: number, most: number): number {
  const result = native.setResourceLimit(resource, most, most);
  return result === -ERRNO.EPERM ? 0 : result;
}
