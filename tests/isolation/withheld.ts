/**
 * A system that withholds something: `withheld.ts LEVEL NUMBER ERRNO [FIRST-ARGUMENT]` has the kernel refuse one system call with an
 * errno, as a container's own filter does, then applies the sandbox and prints its report as JSON.
 */
import { BpfProgram, label, SECCOMP_DATA, SECCOMP_RET } from '../../src/isolation/bpf.ts';
import type { SandboxLevel } from '../../src/isolation/mechanisms.ts';
import { applySandbox } from '../../src/isolation/sandbox.ts';
import { PR } from '../../src/os/constants.ts';
import { loadNative } from '../../src/os/load.ts';

const [level, number, errno, firstArgument] = process.argv.slice(2);
const native = loadNative();
native.prctl(PR.SET_NO_NEW_PRIVS, 1, 0, 0, 0);
native.seccompFilter(0, refusing(Number(number), Number(errno), firstArgument));
const report = applySandbox(native, {
  level: level as SandboxLevel,
  descriptors: [
    { fd: 1, reads: false, writes: true },
    { fd: 2, reads: false, writes: true },
  ],
});
const bytes = new TextEncoder().encode(JSON.stringify(report));
native.write(1, bytes, 0, bytes.length);
native.exit(0);

function refusing(number: number, errno: number, firstArgument: string | undefined): Uint8Array {
  const other = label();
  const program = new BpfProgram().load(SECCOMP_DATA.nr).jumpIfEqual(number, undefined, other);
  if (firstArgument !== undefined)
    program.load(SECCOMP_DATA.argumentLow(0)).jumpIfEqual(Number(firstArgument), undefined, other);
  return program
    .return(SECCOMP_RET.ERRNO | errno)
    .place(other)
    .return(SECCOMP_RET.ALLOW)
    .finish();
}
