import type { CryptoProvider } from '../crypto/provider.ts';
import { EngineConnection } from './engine.ts';
import { ServerMachine } from './server/machine.ts';
import type { ServerState } from './server/states.ts';
import { checkServerConfig, type ServerConfig } from './server-config.ts';

/** The server's end of a connection. */
export class ServerConnection extends EngineConnection<ServerState> {
  /** @throws RangeError for a configuration that cannot work with `crypto` */
  constructor(config: ServerConfig, crypto: CryptoProvider) {
    checkServerConfig(config, crypto);
    super(new ServerMachine({ config, crypto }), config);
  }
}
