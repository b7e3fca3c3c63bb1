import { describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { RUNTIME_SETTINGS } from '../../src/os/runtime.ts';

interface Ended {
  readonly output: string;
  readonly errors: string;
  readonly exitCode: number | null;
  readonly signal: string | number | null;
}

function start(...words: string[]) {
  return Bun.spawn([process.execPath, join(import.meta.dir, 'workload.ts'), ...words], {
    env: { ...process.env, ...RUNTIME_SETTINGS, TZ: 'Europe/Berlin' },
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'pipe',
  });
}

async function run(...words: string[]): Promise<Ended> {
  const child = start(...words);
  const [output, errors] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  await child.exited;
  return { output, errors, exitCode: child.exitCode, signal: child.signalCode };
}

const outside = run('off');

describe.each(['standard', 'strict'])('at %s, the runtime', (level) => {
  test('does all the work of a session, with the same results as outside', async () => {
    const inside = await run(level);
    expect(inside.errors).toBe('');
    expect(inside.output).toBe((await outside).output);
    expect(inside.output).toStartWith('writable and executable: 0, missing: 0\n');
    expect(inside.exitCode).toBe(0);
  });

  test('is as confined with OpenSSL in it: after its handshakes, no file opens and a socket is the end', async () => {
    const { output, signal } = await run(level, 'socket-after-openssl');
    expect(output).toContain('TLSv1.3 open true open true, TLSv1.3 failed true failed true');
    expect(output).toContain('no file');
    expect(output).not.toContain('socket');
    expect(signal).toBe('SIGSYS');
    expect((await run('off', 'socket-after-openssl')).output).toEndWith('a file\na socket\n');
  });

  test('reports an error that nobody catches, and ends', async () => {
    const { errors, exitCode } = await run(level, 'uncaught');
    expect(errors).toContain('not caught');
    expect(exitCode).toBe(1);
  });

  test('dies rather than return to its event loop, whose descriptors are closed', async () => {
    expect((await run(level, 'event-loop')).signal).toBe('SIGSYS');
  });

  test('goes on waiting after it was stopped and continued', async () => {
    const child = start(level, 'stop-and-continue');
    const reader = child.stdout.getReader();
    const decoder = new TextDecoder();
    let output = '';
    while (!output.includes('waiting')) output += decoder.decode((await reader.read()).value);
    child.kill('SIGSTOP');
    await untilStopped(child.pid);
    child.kill('SIGCONT');
    child.stdin.write('x');
    child.stdin.end();
    for (let piece = await reader.read(); !piece.done; piece = await reader.read())
      output += decoder.decode(piece.value);
    expect(output).toContain('ready 1');
    expect(await child.exited).toBe(0);
  });
});

async function untilStopped(pid: number): Promise<void> {
  while (!/^\d+ \(.*\) T /.test(await Bun.file(`/proc/${pid}/stat`).text())) await Bun.sleep(1);
}
