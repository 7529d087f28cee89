import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import { resolveNetwork, requireNetworkName } from '../../inspect/network-names.ts';
import { NsError } from '../../kernel/error.ts';
import type { CommandDefinition } from '../define-command.ts';
import { giveName, staleNotes } from './net-naming.ts';
import { requireThisMachine } from './this-machine.ts';

export const netAttach: CommandDefinition = {
  name: 'net attach',
  summary: 'give a network namespace that is there a name',
  operands: 'NAME TARGET',
  arity: [2, 2],
  description: [
    'Mounts the network namespace of TARGET on /run/netns/NAME, as `ip netns attach` does with a pid. TARGET is a process or',
    'container in any form, or a network namespace: net:4026532177, a path, netns:OTHER. So `ip -n NAME` reaches what docker',
    'made. The name keeps the namespace, also when the container has ended, until `nstool net rm NAME`.',
  ],
  options: [],
  examples: [
    { line: 'nstool net attach web container:web', does: "then: ip -n web addr, in docker's container" },
    { line: 'nstool net attach lost net:4026532177', does: 'one that only a descriptor or socket keeps' },
  ],
  exitStatus: [
    [0, 'it has the name'],
    [2, 'the command line is wrong, NAME cannot be a name or is taken; nothing was changed'],
    [3, 'no such TARGET; nothing was changed'],
    [4, 'the kernel refused; nothing was changed'],
  ],
  async run(invocation, context) {
    requireThisMachine(invocation);
    const [name = '', word = ''] = invocation.operands;
    requireNetworkName(name);
    const host = await context.host();
    requireOwnProc(host);
    const { inode, door } = resolveNetwork(host, word);
    if (door.through.length > 0) throw new NsError('UNSUPPORTED', { what: `nothing leads into net:[${inode}]` });
    await giveName(host, name, { door: door.at, inode }, context);
    return { stdout: '', notes: [`${name} is net:[${inode}]`, ...staleNotes(host)], status: 0 };
  },
};
