import { isLabId } from '../../network/lab.ts';
import type { CommandDefinition } from '../define-command.ts';
import { collectAll } from './gc.ts';

export const netGc: CommandDefinition = {
  name: 'net gc',
  summary: 'remove what a net up that was killed, or a reboot, left behind',
  operands: '',
  arity: [0, 0],
  description: [
    'What nstool gc does, of networks alone: links, names, files in /etc/netns and commands that nstool net up left half',
    'made, net down half removed, or that a reboot left. A network that stands is no garbage: nstool net down takes it',
    'away.',
  ],
  options: [
    { long: 'dry-run', help: 'print what would be removed, and change nothing' },
    { long: 'json', short: 'J', help: 'as JSON, with the gaps' },
  ],
  examples: [
    { line: 'nstool net gc --dry-run', does: 'what there is' },
    { line: 'nstool net gc', does: 'and away with it' },
  ],
  exitStatus: [
    [0, 'nothing is left'],
    [1, 'something is: in use, changed by somebody else, refused by the kernel, or in an entry that cannot be read'],
    [2, 'the command line is wrong'],
    [4, 'the journal is closed to us'],
  ],
  async run(invocation, context) {
    return collectAll(invocation, context, ({ id }) => isLabId(id), { traces: false });
  },
};
