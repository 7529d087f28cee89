import type { CommandEntry } from '../define-command.ts';

export const cgroupRunEntry: CommandEntry = {
  name: 'cgroup run',
  summary: 'start a program with limits, in a cgroup that goes with it',
  load: async () => (await import('./cgroup-run.ts')).cgroupRun,
};
