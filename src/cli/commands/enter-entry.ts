import type { CommandEntry } from '../define-command.ts';

export const enterEntry: CommandEntry = {
  name: 'enter',
  summary: 'run a program in the namespaces of a process',
  load: async () => (await import('./enter.ts')).enter,
};
