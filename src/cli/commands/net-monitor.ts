import { networkPath, resolveNetwork, networkName } from '../../inspect/network-names.ts';
import { NsError } from '../../kernel/error.ts';
import type { Host } from '../../kernel/host.ts';
import { enterable } from '../../namespaces/discover/door.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import { flag, type CommandDefinition } from '../define-command.ts';
import { monitorNetworks, type Followable } from './net-monitor-loop.ts';
import { secondsOf } from './seconds-option.ts';
import { requireThisMachine } from './this-machine.ts';

export const netMonitor: CommandDefinition = {
  name: 'net monitor',
  summary: 'names of networks as they come and go, and what changes in networks',
  operands: '[TARGET…]',
  arity: [0, Infinity],
  description: [
    'Says a line for each name that is made or removed in /run/netns and /run/docker/netns, as it happens, until it is',
    'interrupted: more than `ip netns monitor`, it says which namespace it is. With TARGET, a name in /run/netns or any',
    'target, it also says what changes in that network namespace: links, addresses, routes; of a change which field was what',
    'before. Routes of the table local are left out, as they come and go with addresses.',
    '',
    'events:',
    '  added, removed  a name, link, address or route',
    '  changed         a link or address: FIELD BEFORE -> NOW',
    '  unfollowed      the name of a TARGET is gone (in text: end)',
    '  overrun         more happened than could be heard: what differs after a look at all is told then',
    'The first line is start, the last is end, with counts.',
    '',
    'A namespace that is followed is kept by that, as by a process in it, unless it was called by a name: then it is let go',
    'with that.',
  ],
  options: [
    { long: 'for', value: 'SECONDS', help: 'end after this time' },
    { long: 'ndjson', help: 'a line of JSON for each event' },
  ],
  examples: [
    { line: 'nstool net monitor', does: 'names as they come and go' },
    { line: 'nstool net monitor host container:web', does: 'also what changes on the host and in a container' },
    { line: 'nstool net monitor blue --ndjson', does: 'for a program' },
  ],
  exitStatus: [
    [0, 'the time of --for is over, or nobody reads any more'],
    [2, 'the command line is wrong'],
    [3, 'no such TARGET'],
    [4, 'TARGET is closed to us'],
    ['128+n', 'ended by signal n, as it was'],
  ],
  async run(invocation, context) {
    requireThisMachine(invocation);
    const duration = secondsOf(invocation, 'for') ?? Infinity;
    const host = await context.host();
    requireOwnProc(host);
    const followed = [...new Set(invocation.operands)].map((word) => followable(host, word));
    const query = { followed, duration, ndjson: flag(invocation, 'ndjson') };
    return { stream: (streaming) => monitorNetworks(query, host, context, streaming) };
  },
};

/** Errors: as of resolveNetwork; DENIED. */
function followable(host: Host, word: string): Followable {
  const { inode, door: found } = resolveNetwork(host, word);
  const door = enterable(found);
  if (door === undefined) throw new NsError('DENIED', { what: `no way leads into the network namespace of '${word}'` });
  const name = word.startsWith('netns:') ? word.slice('netns:'.length) : word;
  const path = !name.includes('/') && networkName(host, name)?.inode === inode ? networkPath(name) : null;
  return { word, ns: inode, door, path };
}
