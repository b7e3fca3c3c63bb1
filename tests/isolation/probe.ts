import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RUNTIME_SETTINGS } from '../../src/os/runtime.ts';
import { buildNativeCode, systemCallNumbers } from './native-code.ts';
import type { ProberOrder, ProberResult } from './prober.ts';

/**
 * Runs prober.ts, as a process like a session: one thread, no JIT.
 * @param user who to be instead of root
 * @param besides system calls to try by number, and rules of the filter to take away
 */
export async function probe(
  user: number | undefined,
  besides: Pick<ProberOrder, 'sweep' | 'loosened'>,
): Promise<ProberResult> {
  const order: ProberOrder = {
    module: buildNativeCode(),
    numbers: [...systemCallNumbers()],
    ...besides,
    ...(user === undefined ? {} : { user }),
  };
  const directory = mkdtempSync(join(tmpdir(), 'tlsify-probe-order-'));
  const path = join(directory, 'order.json');
  writeFileSync(path, JSON.stringify(order));
  const prober = Bun.spawn([process.execPath, join(import.meta.dir, 'prober.ts'), path], {
    env: { ...process.env, ...RUNTIME_SETTINGS },
    stdout: 'pipe',
    stderr: 'inherit',
  });
  const output = await new Response(prober.stdout).text();
  const status = await prober.exited;
  rmSync(directory, { recursive: true });
  if (status !== 0) throw new Error(`the prober ended with ${status}`);
  return JSON.parse(output) as ProberResult;
}
