import { ERRNO, PR } from '../os/constants.ts';
import type { Native } from '../os/native.ts';
import { type Outcome, refusal } from './outcome.ts';

/** No mapping is or becomes writable and executable, and none that exists becomes executable: as the filter says, but by another part of the kernel. */
export function refuseExecutableMemory(native: Native): Outcome {
  const result = native.prctl(PR.SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0);
  return result === -ERRNO.EINVAL ? { shortfall: 'it came with Linux 6.3' } : refusal('prctl (PR_SET_MDWE)', result);
}

const PR_MDWE_REFUSE_EXEC_GAIN = 1;
