import type { Native } from '../os/native.ts';
import { type Outcome, refusal } from './outcome.ts';

/**
 * Puts this thread into a Landlock domain that grants nothing: no file or directory can be opened, made, renamed or executed, and
 * as far as the kernel's version goes no TCP port bound or connected to (4), no device controlled (5), no abstract Unix
 * socket of others connected to and no process of others signalled (6). What is open already stays usable. Needs no_new_privs.
 */
export function restrictByLandlock(native: Native): Outcome {
  const version = native.landlockCreateRuleset(new Uint8Array(0), LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 0) return refusal('landlock_create_ruleset', version);
  const ruleset = native.landlockCreateRuleset(rulesetAttributes(version), 0);
  if (ruleset < 0) return refusal('landlock_create_ruleset', ruleset);
  const result = native.landlockRestrictSelf(ruleset, 0);
  native.close(ruleset);
  return result < 0 ? refusal('landlock_restrict_self', result) : shortfall(version);
}

/** `struct landlock_ruleset_attr { __u64 handled_access_fs, handled_access_net, scoped; }`, as far as that version has it. */
export function rulesetAttributes(version: number): Uint8Array {
  const attributes = new Uint8Array(version >= 6 ? 24 : version >= 4 ? 16 : 8);
  const view = new DataView(attributes.buffer);
  view.setUint32(0, 2 ** filesystemRights(version) - 1, true);
  if (version >= 4) view.setUint32(8, LANDLOCK_ACCESS_NET_BIND_TCP | LANDLOCK_ACCESS_NET_CONNECT_TCP, true);
  if (version >= 6) view.setUint32(16, LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | LANDLOCK_SCOPE_SIGNAL, true);
  return attributes;
}

/** From "execute" to "make symbolic link", all of the first version; 2 added "refer", 3 "truncate", 5 "ioctl of devices". */
function filesystemRights(version: number): number {
  if (version >= 5) return 16;
  if (version >= 3) return 15;
  return version === 2 ? 14 : 13;
}

function shortfall(version: number): Outcome {
  if (version >= 6) return undefined;
  return { shortfall: version >= 4 ? 'signals and abstract sockets came with Linux 6.12' : 'TCP came with Linux 6.7' };
}

// include/uapi/linux/landlock.h
const LANDLOCK_CREATE_RULESET_VERSION = 1;
const LANDLOCK_ACCESS_NET_BIND_TCP = 1;
const LANDLOCK_ACCESS_NET_CONNECT_TCP = 2;
const LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET = 1;
const LANDLOCK_SCOPE_SIGNAL = 2;
