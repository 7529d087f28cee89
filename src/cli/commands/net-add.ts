import type { CommandDefinition } from '../define-command.ts';
import { giveName, staleNotes } from './net-naming.ts';
import { requireThisMachine } from './this-machine.ts';

export const netAdd: CommandDefinition = {
  name: 'net add',
  summary: 'make a network namespace with a name',
  operands: 'NAME',
  arity: [1, 1],
  description: [
    'Makes a network namespace and mounts it on /run/netns/NAME, as `ip netns add` does: each of the two programs sees the',
    "other's. Its loopback is switched on, which ip leaves off. It lives until `nstool net rm NAME`, and as long after that",
    'as something is in it. What is killed in the middle leaves at most a name without a namespace: the next one tells.',
  ],
  options: [],
  examples: [
    { line: 'nstool net add blue', does: 'a network with a loopback and nothing else' },
    { line: 'nstool net add lab-1', does: 'then: ip -n lab-1 link add …' },
  ],
  exitStatus: [
    [0, 'it is there'],
    [2, 'the command line is wrong, NAME cannot be a name or is taken; nothing was changed'],
    [4, 'the kernel refused; nothing was changed'],
  ],
  async run(invocation, context) {
    requireThisMachine(invocation);
    const host = await context.host();
    const [name = ''] = invocation.operands;
    const inode = await giveName(host, name, null, context);
    return { stdout: '', notes: [`${name} is net:[${inode}]; its loopback is up`, ...staleNotes(host)], status: 0 };
  },
};
