/**
 * The holder of the keys as a process of its own, for tests: `bun tests/support/key-holder.ts CLIENTS`, its clients' sockets from descriptor 3 on, what they
 * are given as JSON on standard input. Says on standard error which client ended, and why.
 */
import { ascii } from '../../src/core/bytes.ts';
import { EchPrivateKey, loadEchKey, loadSigningKey, SigningKey } from '../../src/crypto-node/private-keys.ts';
import { nodeCrypto } from '../../src/crypto-node/provider.ts';
import { ClientChannel } from '../../src/keys/holder/channel.ts';
import { type Grant, HolderClient } from '../../src/keys/holder/client.ts';
import { TicketKeys } from '../../src/keys/holder/ticket-keys.ts';
import { loadNative } from '../../src/os/load.ts';
import { Poller } from '../../src/os/poller.ts';

/** What the clients are given, all the same. */
export interface HolderSettings {
  readonly keys: readonly { readonly name: string; readonly role: 'client' | 'server'; readonly pem: string }[];
  readonly echKeys: readonly { readonly name: string; readonly pem: string; readonly config: string }[];
  readonly requestsPerSecond: number;
}

if (import.meta.main) await serve(JSON.parse(await Bun.stdin.text()), Number(process.argv[2]));

async function serve(settings: HolderSettings, clients: number): Promise<void> {
  const native = loadNative();
  const poller = new Poller(native, 64);
  const tickets = new TicketKeys(nodeCrypto, { rotationSeconds: 3600, oneUse: true }, poller.nowMs);
  let open = clients;
  for (let index = 0; index < clients; index++)
    new ClientChannel({
      native,
      poller,
      fd: 3 + index,
      client: new HolderClient(grantOf(settings, tickets), nodeCrypto, poller.nowMs),
      onEnd: (why) => {
        open -= 1;
        console.error(`client ${index}: ${why ?? 'gone'}`);
      },
    });
  while (open > 0) {
    poller.turn();
    await Promise.resolve();
  }
}

function grantOf({ keys, echKeys, requestsPerSecond }: HolderSettings, tickets: TicketKeys): Grant {
  return {
    keys: new Map(
      keys.map(({ name, role, pem }) => {
        const signer = loadSigningKey(ascii(pem));
        if (!(signer instanceof SigningKey)) throw new Error(`${name}: ${signer}`);
        return [name, { role, signer }];
      }),
    ),
    echKeys: new Map(
      echKeys.map(({ name, pem, config }) => {
        const key = loadEchKey(ascii(pem));
        if (!(key instanceof EchPrivateKey)) throw new Error(`${name}: ${key}`);
        return [name, { key, config: Uint8Array.fromHex(config) }];
      }),
    ),
    tickets,
    signatures: null,
    requestsPerSecond,
  };
}
