import type { CommandEntry } from '../define-command.ts';

export const cgroupShowEntry: CommandEntry = {
  name: 'cgroup show',
  summary: "a process's cgroups: limits that bind, who sets them, what is used",
  load: async () => (await import('./cgroup-show.ts')).cgroupShow,
};
