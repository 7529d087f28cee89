import { allCapabilities } from '../../capabilities/all-capabilities.ts';
import { CAPABILITY_ATTRIBUTE } from '../../capabilities/file-capabilities.ts';
import { valueOf } from '../../kernel/host.ts';
import type { CommandDefinition } from '../define-command.ts';
import { changeFiles } from './caps-file-change.ts';
import { requireThisMachine } from './this-machine.ts';

export const capsFileRm: CommandDefinition = {
  name: 'caps file rm',
  summary: 'take the capabilities of files away',
  operands: 'PATH…',
  arity: [1, Infinity],
  description: [
    'Takes the capabilities of each PATH, a regular file and no link, away, as setcap -r does. What each had is told, as',
    'the command that brings it back.',
  ],
  options: [],
  examples: [
    { line: 'nstool caps file rm ./chown', does: 'a program like any other again' },
    { line: 'nstool caps file rm A B', does: 'of several' },
  ],
  exitStatus: [
    [0, 'they have none any more'],
    [1, 'one had none before'],
    [2, 'the command line is wrong, or PATH is no regular file; nothing was changed'],
    [3, 'no such PATH; nothing was changed'],
    [4, 'the kernel refused'],
  ],
  async run(invocation, context) {
    requireThisMachine(invocation);
    const host = await context.host();
    const plan = invocation.operands.map((path) => ({
      path,
      name: CAPABILITY_ATTRIBUTE,
      bytes: null,
      reason: 'no capabilities',
    }));
    return changeFiles(host, plan, context, valueOf(allCapabilities(host)) ?? 0n);
  },
};
