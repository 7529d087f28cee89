// The entry of the bundle that `nstool caps decode` starts.

import { capsDecodeEntry } from '../commands/caps-decode-entry.ts';
import { runCommand } from '../run-command.ts';

void runCommand(capsDecodeEntry, process.argv.slice(4));
