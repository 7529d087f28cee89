import type { CommandEntry } from '../define-command.ts';

export const lsEntry: CommandEntry = {
  name: 'ls',
  summary: 'list namespaces, who is in them and where they are mounted',
  load: async () => (await import('./ls.ts')).ls,
};
