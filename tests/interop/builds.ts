import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { requireProgram } from '../support/peer-process.ts';

/**
 * The peers that are compiled. Debian 12's Go and Rust are too old for theirs, so those two tests run where newer ones are in PATH
 * (`npm run test:toolchains`). What was built before is found again, by the compilers themselves.
 */
const SOURCES = fileURLToPath(new URL('peers', import.meta.url));
const RESULTS = fileURLToPath(new URL('../../build/peers', import.meta.url));

/** @returns the executable. */
export function buildGoPeer(): string {
  run('Go 1.26 or later', `${SOURCES}/go`, 'go', 'build', '-o', `${RESULTS}/go-peer`, '.');
  return `${RESULTS}/go-peer`;
}

/** @returns the executable, of a peer with Encrypted Client Hello. */
export function buildGoEchPeer(): string {
  run('Go 1.26 or later', `${SOURCES}/go-ech`, 'go', 'build', '-o', `${RESULTS}/go-ech-peer`, '.');
  return `${RESULTS}/go-ech-peer`;
}

/** @returns the executable: what crypto/x509 says of chains. */
export function buildGoVerifier(): string {
  run('Go 1.26 or later', `${SOURCES}/go-verify`, 'go', 'build', '-o', `${RESULTS}/go-verifier`, '.');
  return `${RESULTS}/go-verifier`;
}

/** @returns the executable. Built from a copy: cargo writes a lock file, which would name a registry's host, beside the manifest. */
export function buildRustlsPeer(): string {
  cpSync(`${SOURCES}/rustls`, `${RESULTS}/rustls`, { recursive: true, preserveTimestamps: true });
  run('Rust 1.85 or later', `${RESULTS}/rustls`, 'cargo', 'build', '--release', '--quiet');
  return `${RESULTS}/rustls/target/release/peer`;
}

/** @returns the folder of the class `Peer`. Compiled ahead, it starts three times as fast. */
export function buildJavaPeer(): string {
  run('the package default-jdk-headless', SOURCES, 'javac', '-d', `${RESULTS}/java`, 'Peer.java');
  return `${RESULTS}/java`;
}

function run(comesFrom: string, cwd: string, program: string, ...args: string[]): void {
  requireProgram(program, comesFrom);
  mkdirSync(RESULTS, { recursive: true });
  execFileSync(program, args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] });
}
