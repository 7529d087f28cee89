// Makes a lab of the file that its word names, as `net up` does with one that it has from its options: a program of the
// tests' own, which test/support/labs.ts builds.

import { readFileSync } from 'node:fs';
import { upLab } from '../../src/cli/commands/net-lab.ts';
import { makeContext } from '../../src/cli/context.ts';
import { errorStatus, errorText } from '../../src/cli/error-text.ts';
import { finish } from '../../src/cli/run-command.ts';
import { NsError } from '../../src/kernel/error.ts';
import { decodeLab } from '../../src/network/lab-memory.ts';

const [file = '', ...options] = process.argv.slice(2);
const lab = decodeLab(readFileSync(file, 'utf8'));
if (lab === undefined) throw new Error(`${file} is no lab`);
const invocation = { operands: [], options: new Map(options.map((word) => [word, ['']])), program: [] };

// What is bundled as CommonJS cannot wait at its top.
void (async () => {
  try {
    await finish(
      await upLab(invocation, makeContext(undefined, undefined), lab.name, () => ({ lab, what: 'a test', notes: [] })),
    );
  } catch (error) {
    if (!(error instanceof NsError)) throw error;
    process.stderr.write(errorText(error));
    process.exitCode = errorStatus(error);
  }
})();
