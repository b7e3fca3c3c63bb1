import { EXIT } from '../exit-codes.ts';
import { OUTCOMES } from '../failures.ts';
import type { Document } from './document.ts';

const MEANINGS = {
  clean: 'the session ended as both sides wished: close_notify was received; with check: nothing is wrong',
  warnings: 'only with check: the chain is accepted, and something should be done, such as to renew a certificate',
  usage: 'the command line says nothing that tlsify can do, or names a descriptor that is not there (EX_USAGE)',
  unavailable: 'no connection: no such host, nobody listens, no route (EX_UNAVAILABLE)',
  internal: 'an error inside tlsify, which should not happen (EX_SOFTWARE)',
  inputOutput:
    'the data was cut short (no close_notify), the network failed, or the plain side did; all that had come was delivered (EX_IOERR)',
  timeout: 'a time set by --handshake-timeout or --idle-timeout is over (EX_TEMPFAIL)',
  tls: 'the other side does not speak TLS, breaks its rules, shares no settings, or refuses (EX_PROTOCOL)',
  certificate: 'the certificate of the other side is not acceptable (EX_NOPERM)',
  configuration: 'this system cannot do what is asked: no trust store, no sandbox (EX_CONFIG)',
} as const satisfies Record<keyof typeof EXIT, string>;

/** `tlsify help exit-codes`. */
export const EXIT_CODES: Document = {
  name: 'exit-codes',
  summary: 'what the exit code says',
  blocks: [
    'The codes from 64 on are those of sysexits.h. They keep their meaning in later versions.',
    {
      terms: [
        ...(Object.keys(EXIT) as (keyof typeof EXIT)[]).map((name) => [String(EXIT[name]), MEANINGS[name]] as const),
        ['128 + N', 'signal N ended the session, after the other side was told: 130 for SIGINT, 143 for SIGTERM'],
      ],
    },
  ],
};

/** `tlsify help failures`. */
export const FAILURE_CODES: Document = {
  name: 'failures',
  summary: 'every failure: its code for programs, its exit code, and what to do',
  blocks: [
    'The code stands as `why` in the status line `failed` (see `tlsify help status`). Codes keep their meaning; later versions may have more.',
    {
      terms: Object.entries(OUTCOMES).map(([why, { exit, says, advice }]) => [
        `${exit} ${why}`,
        `${says.charAt(0).toUpperCase()}${says.slice(1)}. ${advice}`,
      ]),
    },
  ],
};
