import type { ServeOptions } from './suite.ts';

/** The `NAME=VALUE` words that the servers in `peers/` take: see `peers/README.md`. */
export function peerArguments(
  port: number,
  { version = 'TLSv1.3', files, suites, groups, alpn, trusted }: ServeOptions,
): string[] {
  return [
    `port=${port}`,
    `version=${version}`,
    `chain=${files.chain}`,
    `key=${files.key}`,
    ...(trusted === undefined ? [] : [`trusted=${trusted}`]),
    ...(suites === undefined ? [] : [`suites=${suites.join(',')}`]),
    ...(groups === undefined ? [] : [`groups=${groups.join(',')}`]),
    ...(alpn === undefined ? [] : [`alpn=${alpn.join(',')}`]),
  ];
}
