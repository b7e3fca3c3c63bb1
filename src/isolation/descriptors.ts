import type { Native } from '../os/native.ts';
import type { KeptDescriptor } from './descriptor-slots.ts';
import { type Refusal, refusal } from './outcome.ts';

/** Closes every descriptor of the process but these: inherited ones that nobody named, and those of the runtime's event loop. */
export function closeOtherDescriptors(native: Native, kept: readonly KeptDescriptor[]): Refusal | undefined {
  for (let from = 0, next = 0; from <= LAST_DESCRIPTOR; from = next + 1) {
    next = LAST_DESCRIPTOR + 1;
    for (const { fd } of kept) if (fd >= from && fd < next) next = fd;
    const result = next > from ? native.closeRange(from, next - 1, 0) : 0;
    if (result < 0) return refusal('close_range', result);
  }
  return undefined;
}

/** For close_range(2), which takes unsigned numbers. */
const LAST_DESCRIPTOR = 0xffffffff;
