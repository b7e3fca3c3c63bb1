import assert from 'node:assert/strict';
import type { Ticket } from '../../src/engine/connection.ts';
import { type Recording, replay } from './recording.ts';
import { clientOf, type Scenario, serverOf } from './scenario.ts';

/** Where the recordings are. */
export const CONVERSATIONS = new URL('conversations/', import.meta.url);

/** The recording of that behaviour: its name in lower case, with what is neither letter nor digit as hyphens. */
export function fileOf(name: string): URL {
  const slug = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  return new URL(`${slug}.json`, CONVERSATIONS);
}

/** Plays one side's part to the engine of today. @throws at the first difference */
export function replayScenario(name: string, scenario: Scenario, recording: Recording): void {
  assert.equal(recording.behaviour, name);
  assert.equal(recording.connections.length, scenario.connections.length);
  let session: Ticket | null = null;
  for (const [at, { client, server }] of recording.connections.entries()) {
    assert.ok(client !== undefined || server !== undefined, 'nothing is pinned');
    const tickets: Ticket[] = client === undefined ? [] : replay(clientOf(name, scenario, at, session), client);
    if (server !== undefined) replay(serverOf(name, scenario, at), server);
    session = tickets.at(-1) ?? session;
  }
}
