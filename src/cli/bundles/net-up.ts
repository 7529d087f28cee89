// The entry of the bundle that `nstool net up` starts.

import { netUpEntry } from '../commands/net-up-entry.ts';
import { runCommand } from '../run-command.ts';

void runCommand(netUpEntry, process.argv.slice(4));
