import { describe, expect, test } from 'bun:test';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  atEnd,
  CLOSE_NOTIFY,
  FramedConnection,
  frame,
  native,
  pipe,
  play,
  readAll,
  type Script,
  write,
} from '../../tests/support/session-stage.ts';
import { ascii, type Bytes, concat, latin1 } from '../core/bytes.ts';
import { ERRNO, O, SHUT } from '../os/constants.ts';
import { SESSION_BUFFER_BYTES } from './session.ts';

describe('data', () => {
  test('goes both ways, and both ends end it', async () => {
    const end = await play(function* ({ peer, application }) {
      write(application, ascii('question'));
      yield;
      expect(readAll(peer)).toEqual(frame(ascii('question')));
      write(peer, concat(frame(ascii('ans')), frame(ascii('wer')), CLOSE_NOTIFY));
      yield;
      expect(latin1(readAll(application))).toBe('answer');
      expect(atEnd(application)).toBe(0);
      native.shutdown(application, SHUT.WR);
      yield;
      expect(readAll(peer)).toEqual(CLOSE_NOTIFY);
    });
    expect(end).toMatchObject({ end: 'clean', sentBytes: 8, receivedBytes: 6 });
  });

  test('still comes after the application has ended, and still goes after the peer has', async () => {
    const received = await play(function* ({ peer, application }) {
      native.shutdown(application, SHUT.WR);
      yield;
      expect(readAll(peer)).toEqual(CLOSE_NOTIFY);
      expect(atEnd(peer)).toBe(-ERRNO.EAGAIN);
      write(peer, frame(ascii('late')));
      yield;
      expect(latin1(readAll(application))).toBe('late');
      write(peer, CLOSE_NOTIFY);
    });
    expect(received).toMatchObject({ end: 'clean', receivedBytes: 4 });
    const sent = await play(function* ({ peer, application }) {
      write(peer, CLOSE_NOTIFY);
      yield;
      expect(atEnd(application)).toBe(0);
      write(application, ascii('late'));
      yield;
      expect(readAll(peer)).toEqual(frame(ascii('late')));
      native.shutdown(application, SHUT.WR);
    });
    expect(sent).toMatchObject({ end: 'clean', sentBytes: 4 });
  });

  test('arrives whole however it is cut', async () => {
    const body = Uint8Array.from({ length: 3000 }, (_, index) => index);
    const wire = concat(...[1, 2, 997, 2000].map((length) => frame(body.subarray(0, length))), CLOSE_NOTIFY);
    const got: Bytes[] = [];
    await play(function* ({ peer, application }) {
      for (let at = 0; at < wire.length; at += 7) {
        write(peer, wire.subarray(at, at + 7));
        yield;
        got.push(readAll(application));
      }
      native.shutdown(application, SHUT.WR);
    });
    expect(concat(...got)).toEqual(concat(...[1, 2, 997, 2000].map((length) => body.subarray(0, length))));
  });

  test('comes from and goes to files, pipes and devices, whose flags stay as they were', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tlsify-session-'));
    const big = new Uint8Array(300_000).fill(7);
    writeFileSync(join(folder, 'in'), big);
    const input = openSync(join(folder, 'in'), 'r');
    const output = openSync(join(folder, 'out'), 'w');
    let seen = 0;
    const end = await play(
      function* ({ peer }) {
        while (seen < big.length) {
          seen += readAll(peer).length;
          yield;
        }
        write(peer, concat(frame(big.subarray(0, 5000)), CLOSE_NOTIFY));
      },
      { plain: { readFd: input, writeFd: output } },
    );
    expect(end).toMatchObject({ end: 'clean', sentBytes: 300_000, receivedBytes: 5000 });
    expect(new Uint8Array(readFileSync(join(folder, 'out')))).toEqual(big.subarray(0, 5000));
    closeSync(input);
    rmSync(folder, { recursive: true });

    const [readEnd, writeEnd] = pipe();
    const nothing = openSync('/dev/null', 'r');
    const flags = native.getStatusFlags(writeEnd);
    expect(flags & O.NONBLOCK).toBe(0);
    let piped = 0;
    const buffer = new Uint8Array(65536);
    const toPipe = await play(
      function* ({ peer }) {
        for (let sent = 0; sent < 50; sent++) {
          write(peer, frame(big.subarray(0, 4000)));
          yield;
        }
        expect(native.getStatusFlags(writeEnd)).toBe(flags);
        while (piped < 200_000) {
          const count = native.readNoWait(readEnd, buffer, 0, buffer.length);
          if (count > 0) piped += count;
          yield;
        }
        write(peer, CLOSE_NOTIFY);
      },
      { plain: { readFd: nothing, writeFd: writeEnd } },
    );
    expect(toPipe).toMatchObject({ end: 'clean', receivedBytes: 200_000 });
    expect(native.read(readEnd, buffer, 0, 1)).toBe(0);
    native.close(readEnd);
    closeSync(nothing);
  });
});

describe('back-pressure', () => {
  const record = frame(new Uint8Array(16384));

  test('an application that does not read holds the peer up, within the bound, and nothing is lost', async () => {
    let offered = 0;
    let got = 0;
    const end = await play(function* ({ peer, application }) {
      for (let quiet = 0; quiet < 3; ) {
        const count = write(peer, record.subarray(offered % record.length));
        offered += count;
        quiet = count === 0 ? quiet + 1 : 0;
        yield;
      }
      const held = offered - kernelBytes(application) - kernelBytes(peer);
      expect(held).toBeLessThan(SESSION_BUFFER_BYTES);
      const rest = (record.length - (offered % record.length)) % record.length;
      const tail = concat(record.subarray(record.length - rest), CLOSE_NOTIFY);
      for (let at = 0; at < tail.length; ) {
        got += readAll(application, 65536).length;
        at += write(peer, tail.subarray(at));
        yield;
      }
      for (let last = -1; last !== got; ) {
        last = got;
        got += readAll(application).length;
        yield;
      }
      native.shutdown(application, SHUT.WR);
    });
    expect(end.end).toBe('clean');
    expect(got).toBe(end.receivedBytes);
    expect(got).toBe(Math.ceil(offered / record.length) * 16384);
  });

  test('a peer that does not read holds the application up, within the bound', async () => {
    let offered = 0;
    let got = 0;
    const end = await play(function* ({ peer, application }) {
      const block = new Uint8Array(65536);
      for (let quiet = 0; quiet < 3; ) {
        const count = write(application, block);
        offered += count;
        quiet = count === 0 ? quiet + 1 : 0;
        yield;
      }
      expect(offered - kernelBytes(peer) - kernelBytes(application)).toBeLessThan(SESSION_BUFFER_BYTES);
      native.shutdown(application, SHUT.WR);
      for (let last = -1; last !== got; ) {
        last = got;
        got += readAll(peer).length;
        yield;
      }
      write(peer, CLOSE_NOTIFY);
    });
    expect(end).toMatchObject({ end: 'clean', sentBytes: offered });
    expect(got).toBeGreaterThan(offered);
  });

  /** The most that the kernel can hold for a local socket in this direction. */
  function kernelBytes(fd: number): number {
    return native.getSocketOption(fd, 1, 7) * 2;
  }
});

describe('endings', () => {
  test('a network that ends without close_notify is truncation, and all that came before is delivered', async () => {
    const end = await play(function* ({ peer }) {
      write(peer, concat(frame(ascii('half of')), Uint8Array.of(0, 0, 9, 1)));
      native.shutdown(peer, SHUT.WR);
      yield;
    });
    expect(end).toMatchObject({ end: 'failed', failure: { why: 'truncated' }, delivered: 'half of' });
  });

  test('truncation waits for a slow application, but not past its idle timeout', async () => {
    const script: Script = function* ({ peer }) {
      const record = frame(new Uint8Array(16384));
      while (write(peer, record) === record.length) yield;
      native.shutdown(peer, SHUT.WR);
      yield;
    };
    const end = await play(script, { idleTimeoutMs: 30_000 });
    expect(end).toMatchObject({ end: 'failed', failure: { why: 'idle-timeout' } });
  });

  test('what the peer did wrong is reported after what it did right is delivered, and the alert is sent', async () => {
    const end = await play(function* ({ peer }) {
      write(peer, concat(frame(ascii('right')), Uint8Array.of(255, 255, 255)));
      yield;
    });
    expect(end).toMatchObject({ end: 'failed', failure: { why: 'record-overflow' }, delivered: 'right' });
  });

  test('a reader that is gone is an error once there is something for it', async () => {
    const [readFd, writeFd] = pipe();
    const [never] = pipe();
    const end = await play(
      function* ({ peer }) {
        native.close(readFd);
        yield;
        expect(atEnd(peer)).toBe(-ERRNO.EAGAIN);
        write(peer, frame(ascii('unread')));
        yield;
      },
      { plain: { readFd: never, writeFd } },
    );
    expect(end).toMatchObject({ end: 'failed', failure: { why: 'application-gone' }, sent: 'ALERT' });
  });

  const leave: Script = function* ({ application }) {
    write(application, ascii('bye'));
    native.shutdown(application, SHUT.RDWR);
    yield;
  };
  const farewell = latin1(concat(frame(ascii('bye')), CLOSE_NOTIFY));

  test('an application that is wholly gone ends all, and does not know what the peer had to say yet', async () => {
    const end = await play(leave);
    expect(end).toMatchObject({ end: 'failed', failure: { why: 'application-gone' }, sent: farewell });
  });

  test('with keep-open, to go is how an application says that it is done', async () => {
    expect(await play(leave, { atInputEnd: 'keep-open' })).toMatchObject({ end: 'clean', sent: farewell });
  });

  test('an application that is wholly gone after the end of all is a clean end', async () => {
    const end = await play(function* ({ peer, application }) {
      write(peer, concat(frame(ascii('all')), CLOSE_NOTIFY));
      yield;
      readAll(application);
      native.shutdown(application, SHUT.RDWR);
      yield;
    });
    expect(end).toMatchObject({ end: 'clean', sent: latin1(CLOSE_NOTIFY) });
  });

  test('keep-open says nothing of the end of the input, and ends with the peer', async () => {
    const end = await play(
      function* ({ peer, application }) {
        write(application, ascii('ask'));
        native.shutdown(application, SHUT.WR);
        yield;
        expect(readAll(peer)).toEqual(frame(ascii('ask')));
        write(peer, concat(frame(ascii('answer')), CLOSE_NOTIFY));
        yield;
      },
      { atInputEnd: 'keep-open' },
    );
    expect(end).toMatchObject({ end: 'clean', delivered: 'answer', sent: latin1(CLOSE_NOTIFY) });
  });

  test('at a terminal the peer ends it', async () => {
    const end = await play(
      function* ({ peer }) {
        write(peer, concat(frame(ascii('bye')), CLOSE_NOTIFY));
        yield;
      },
      { endWithPeer: true },
    );
    expect(end).toMatchObject({ end: 'clean', delivered: 'bye', sent: latin1(CLOSE_NOTIFY) });
  });

  test('data for a peer that has closed and gone is an error; silence is not', async () => {
    const leave: Script = function* ({ peer }) {
      write(peer, CLOSE_NOTIFY);
      yield;
      native.shutdown(peer, SHUT.RDWR);
      yield;
    };
    expect(await play(leave)).toMatchObject({ end: 'clean' });
    const end = await play(function* (world) {
      while (write(world.application, new Uint8Array(65536)) > 0) yield;
      yield* leave(world);
    });
    expect(end).toMatchObject({ end: 'failed', failure: { why: 'network-failed' } });
  });

  test('data that is there when the peer goes is an error too, and does not count as sent', async () => {
    const end = await play(function* ({ peer, application }) {
      write(peer, CLOSE_NOTIFY);
      yield;
      write(application, ascii('one'));
      yield;
      // The session finds both at once.
      write(application, ascii('two'));
      native.shutdown(peer, SHUT.RDWR);
    });
    expect(end).toMatchObject({ end: 'failed', failure: { why: 'network-failed' }, sentBytes: 3 });
  });

  test('a signal ends it with an alert, in any phase', async () => {
    for (const connection of [new FramedConnection(), new FramedConnection(true)]) {
      const [fd, trigger] = pipe();
      const end = await play(
        function* () {
          native.write(trigger, Uint8Array.of(1), 0, 1);
          yield;
        },
        { signals: { fd, next: () => 'SIGTERM' }, connection },
      );
      expect(end).toMatchObject({ end: 'signal', signal: 'SIGTERM', sent: 'ALERT' });
    }
  });
});

describe('time', () => {
  test('the handshake has a deadline, and says how far it came', async () => {
    const request = { connection: new FramedConnection(true), handshakeDeadlineMs: 6000 };
    const end = await play(function* () {}, request);
    expect(end).toMatchObject({ end: 'failed', elapsedMs: 5000, sent: 'ALERT' });
    expect(end).toMatchObject({ failure: { why: 'handshake-timeout', detail: 'the peer has sent nothing' } });
    const stalled: Script = function* ({ peer }) {
      write(peer, Uint8Array.of(0, 1));
      yield;
    };
    expect(await play(stalled, { connection: new FramedConnection(true), handshakeDeadlineMs: 6000 })).toMatchObject({
      failure: { why: 'handshake-timeout', detail: 'the peer sent 2 bytes and stopped' },
    });
  });

  test('an open session may be idle for so long', async () => {
    const end = await play(function* () {}, { idleTimeoutMs: 7000 });
    expect(end).toMatchObject({ end: 'failed', failure: { why: 'idle-timeout' }, elapsedMs: 7000, sent: 'ALERT' });
  });

  test('a network that takes nothing delays the end by the linger time only', async () => {
    const end = await play(
      function* ({ application }) {
        while (write(application, new Uint8Array(65536)) > 0) yield;
      },
      { idleTimeoutMs: 7000 },
    );
    expect(end).toMatchObject({ end: 'failed', failure: { why: 'idle-timeout' }, elapsedMs: 8000 });
  });
});

describe('effects', () => {
  test('may be answered later', async () => {
    const connection = new FramedConnection(true);
    const end = await play(
      function* ({ peer, application }) {
        write(peer, concat(frame(ascii('certificate')), frame(ascii('data')), CLOSE_NOTIFY));
        native.shutdown(application, SHUT.WR);
        yield;
      },
      { connection, answer: () => Promise.resolve({ answer: 'signature-valid' }) },
    );
    expect(end).toMatchObject({ end: 'clean', delivered: 'data' });
  });

  test('may be refused', async () => {
    const failure = { kind: 'certificate-rejected', why: 'certificate-expired' } as const;
    const end = await play(
      function* ({ peer }) {
        write(peer, frame(ascii('certificate')));
        yield;
      },
      { connection: new FramedConnection(true), answer: () => ({ answer: 'refused', failure }) },
    );
    expect(end).toMatchObject({ end: 'failed', failure });
  });
});
