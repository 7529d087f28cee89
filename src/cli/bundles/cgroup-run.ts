// The entry of the bundle that `nstool cgroup run` starts.

import { cgroupRunEntry } from '../commands/cgroup-run-entry.ts';
import { runCommand } from '../run-command.ts';

void runCommand(cgroupRunEntry, process.argv.slice(4));
