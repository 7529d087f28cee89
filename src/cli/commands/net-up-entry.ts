import type { CommandEntry } from '../define-command.ts';

export const netUpEntry: CommandEntry = {
  name: 'net up',
  summary: 'a network namespace with a link, an address, a bridge, a route and a resolver, in one',
  load: async () => (await import('./net-up.ts')).netUp,
};
