// The entry of the bundle that `nstool ls` starts.

import { lsEntry } from '../commands/ls-entry.ts';
import { runCommand } from '../run-command.ts';

void runCommand(lsEntry, process.argv.slice(3));
