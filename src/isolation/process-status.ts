import { O } from '../os/constants.ts';
import type { Native } from '../os/native.ts';

/** The fields of /proc/self/status that are of use here. */
export interface ProcessStatus {
  readonly threads: number;
  /** Private writable memory that is mapped, used or not: what RLIMIT_DATA limits. */
  readonly dataBytes: number;
}

/** What the kernel says of this process (proc_pid_status(5)); undefined where /proc is not mounted. */
export function processStatus(native: Native): ProcessStatus | undefined {
  const fd = native.openFile('/proc/self/status', O.RDONLY, 0);
  if (fd < 0) return undefined;
  const bytes = new Uint8Array(4096);
  const length = native.read(fd, bytes, 0, bytes.length);
  native.close(fd);
  const text = new TextDecoder().decode(bytes.subarray(0, Math.max(0, length)));
  const threads = field(text, '\nThreads:');
  const dataKilobytes = field(text, '\nVmData:');
  if (threads === undefined || dataKilobytes === undefined) return undefined;
  return { threads, dataBytes: 1024 * dataKilobytes };
}

/** Not by a regular expression: the first one of a process costs more than all of the rest here. */
function field(text: string, name: string): number | undefined {
  const at = text.indexOf(name);
  const value = at < 0 ? Number.NaN : Number.parseInt(text.slice(at + name.length), 10);
  return Number.isNaN(value) ? undefined : value;
}
