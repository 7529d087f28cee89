// The entry of the bundle that `nstool cgroup show` starts.

import { cgroupShowEntry } from '../commands/cgroup-show-entry.ts';
import { runCommand } from '../run-command.ts';

void runCommand(cgroupShowEntry, process.argv.slice(4));
