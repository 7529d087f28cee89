// The entry of the bundle that `nstool enter` starts.

import { enterEntry } from '../commands/enter-entry.ts';
import { runCommand } from '../run-command.ts';

void runCommand(enterEntry, process.argv.slice(3));
