import type { CryptoProvider } from '../crypto/provider.ts';
import { ClientMachine } from './client/machine.ts';
import type { ClientState } from './client/states.ts';
import { type ClientConfig, checkClientConfig } from './config.ts';
import { EngineConnection } from './engine.ts';

/** The client's end of a connection. */
export class ClientConnection extends EngineConnection<ClientState> {
  /** @throws RangeError for a configuration that cannot work with `crypto` */
  constructor(config: ClientConfig, crypto: CryptoProvider) {
    checkClientConfig(config, crypto);
    super(new ClientMachine({ config, crypto }), config);
  }
}
