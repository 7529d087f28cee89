// Whatever stands in a lab file, it is a lab or it is told what is wrong with it, and where. FC_SECONDS goes long.

import fc from 'fast-check';
import { describe, it } from 'vitest';
import { NsError } from '../../src/kernel/error.ts';
import { labOfFile } from '../../src/network/lab-file/lab-of-file.ts';
import { endsOf, isLinkName } from '../../src/network/lab.ts';
import { hostileNames, labFile, rightFiles, wrongFiles } from '../support/lab-files.ts';

const seconds = Number(process.env['FC_SECONDS'] ?? 0);
const parameters: fc.Parameters<unknown> =
  seconds > 0
    ? { numRuns: Infinity, interruptAfterTimeLimit: seconds * 1000, markInterruptAsFailure: false }
    : { numRuns: 400, seed: 20_260_702 };

const files = [...Object.values(rightFiles), ...Object.values(wrongFiles).map(({ text }) => text)].filter(
  ({ length }) => length < 5000,
);
const words = [
  ...files.flatMap((text) => text.split(/(?<=\W)/)),
  ...hostileNames,
  '&a ',
  '*a',
  '[',
  '{',
  '\t',
  '- ',
  '? ',
];

/** A file with some words in the place of others, taken out or put in. */
const changed = fc
  .tuple(
    fc.constantFrom(...files),
    fc.array(fc.tuple(fc.nat(), fc.nat(2), fc.constantFrom(...words)), { maxLength: 5 }),
  )
  .map(([text, changes]) => {
    const parts = text.split(/(?<=\W)/);
    for (const [at, removed, word] of changes) parts.splice(at % parts.length, removed, word);
    return parts.join('');
  });

describe('a lab file', () => {
  it('is a lab or is wrong at a place, and no name in it could do harm', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(changed, fc.string({ unit: 'binary', maxLength: 200 })), async (text) => {
        try {
          const file = await labFile(text);
          const attach = (): never => {
            throw new NsError('NO_PROCESS', { what: 'nobody' });
          };
          const lab = labOfFile(file, file.name?.text ?? 'x', { taken: [], attach });
          return (
            lab.nodes.every(({ name }) => /^[\w.-]{1,63}$/.test(name) && !/^[.-]/.test(name)) &&
            lab.links.flatMap(endsOf).every(({ link }) => isLinkName(link))
          );
        } catch (error) {
          if (!(error instanceof NsError)) throw error;
          return (
            error.code === 'NO_PROCESS' || (error.code === 'BAD_VALUE' && /^lab\.yaml:\d+:\d+: /.test(error.facts.what))
          );
        }
      }),
      parameters,
    );
  });
});
