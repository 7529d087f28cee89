import type { CommandEntry } from '../define-command.ts';

export const capsDecodeEntry: CommandEntry = {
  name: 'caps decode',
  summary: 'the names in a capability mask, or in any other form',
  load: async () => (await import('./caps-decode.ts')).capsDecode,
};
