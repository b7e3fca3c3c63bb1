import assert from 'node:assert/strict';
import { sign } from 'node:crypto';
import { test } from 'node:test';
import { testKey } from '../../tests/support/keys.ts';
import { ascii, type Bytes } from '../core/bytes.ts';
import type { KeyShare } from '../crypto/provider.ts';
import { InvalidKeyShare } from '../crypto/provider.ts';
import { nodeCrypto } from '../crypto-node/provider.ts';
import { type CertificateVerifier, performEffect } from './answer.ts';
import type { Answer } from './connection.ts';

const never: CertificateVerifier = () => assert.fail('not asked for');

function agreeWith(agree: () => Bytes | Promise<Bytes>): Answer | Promise<Answer> {
  const keyShare: KeyShare = { group: 'x25519', publicShare: ascii('share'), agree };
  return performEffect({ effect: 'agree', keyShare, peerShare: ascii('peer') }, nodeCrypto, never);
}

test('an agreement is answered at once if the provider can', () => {
  assert.deepEqual(
    agreeWith(() => ascii('secret')),
    { answer: 'agreed', secret: ascii('secret') },
  );
});

test('an agreement that takes a promise is answered when it is kept', async () => {
  const answer = agreeWith(async () => ascii('secret'));
  assert.ok(answer instanceof Promise);
  assert.deepEqual(await answer, { answer: 'agreed', secret: ascii('secret') });
});

test('a share that is not valid is the fault of the peer, anything else is ours', async () => {
  const invalid = new InvalidKeyShare('not on the curve');
  const bad = {
    answer: 'refused',
    failure: { kind: 'peer-misbehaved', why: 'bad-key-share', detail: 'not on the curve' },
  };
  const broken = {
    answer: 'refused',
    failure: { kind: 'internal', why: 'internal-error', detail: 'key agreement' },
  };
  const thrown = (error: Error) => (): Bytes => {
    throw error;
  };
  assert.deepEqual(agreeWith(thrown(invalid)), bad);
  assert.deepEqual(await agreeWith(() => Promise.reject(invalid)), bad);
  assert.deepEqual(agreeWith(thrown(new Error('x'))), broken);
  assert.deepEqual(await agreeWith(() => Promise.reject(new Error('x'))), broken);
});

test('a signature is valid or bad', () => {
  const key = testKey('p256');
  const message = ascii('message');
  const signature = new Uint8Array(sign('sha256', message, key.privateKey));
  const ask = (signed: Bytes): unknown =>
    performEffect(
      { effect: 'verify-signature', scheme: 'ecdsa_secp256r1_sha256', spki: key.spki, message: signed, signature },
      nodeCrypto,
      never,
    );
  assert.deepEqual(ask(message), { answer: 'signature-valid' });
  assert.deepEqual(ask(ascii('another')), {
    answer: 'refused',
    failure: { kind: 'peer-misbehaved', why: 'bad-signature', detail: 'ecdsa_secp256r1_sha256' },
  });
});

test('a certificate is for the verifier, staple, public name and all', () => {
  const asked: unknown[] = [];
  const verifier: CertificateVerifier = (...args) => {
    asked.push(args);
    return { answer: 'refused', failure: { kind: 'certificate-rejected', why: 'certificate-expired' } };
  };
  const chain = [ascii('leaf')];
  const effect = { effect: 'verify-certificate', chain, publicName: null } as const;
  performEffect(effect, nodeCrypto, verifier);
  performEffect({ ...effect, ocspResponse: ascii('staple') }, nodeCrypto, verifier);
  performEffect({ ...effect, publicName: 'public.example' }, nodeCrypto, verifier);
  assert.deepEqual(asked, [
    [chain, undefined, null],
    [chain, ascii('staple'), null],
    [chain, undefined, 'public.example'],
  ]);
});
