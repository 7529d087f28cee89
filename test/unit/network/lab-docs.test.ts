// The examples in docs/lab.md are labs, by our checks and by the schema.

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { labOfFile } from '../../../src/network/lab-file/lab-of-file.ts';
import { labFile } from '../../support/lab-files.ts';
import { isLab } from '../../support/schemas.ts';

const text = readFileSync(new URL('../../../docs/lab.md', import.meta.url), 'utf8');
const examples = [...text.matchAll(/```yaml\n(.*?)```/gs)].map(([, example = '']) => example);

it('has examples', () => {
  expect(examples.length).toBeGreaterThanOrEqual(2);
});

it.each(examples)('%#', async (example) => {
  const file = await labFile(example);
  expect(isLab(parse(example))).toBe(true);
  const attach = (): never => {
    throw new Error('nothing is attached');
  };
  const lab = labOfFile(file, file.name?.text ?? '', { taken: [], attach });
  expect(lab.expect?.length).toBeGreaterThan(0);
});
