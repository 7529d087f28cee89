// `caps decode` beside capsh(1).

import { equal } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from './test.ts';
import { nstool, run } from '../support/program.ts';

function status(name: string): string {
  return new RegExp(`^${name}:\t(.*)$`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '';
}

const masks = ['0000000000000000', '00000000a80425fb', '000001ffffffffff', '0000020000000001'];

for (const mask of new Set([...masks, status('CapEff'), status('CapBnd')])) {
  test(`caps decode ${mask} is what capsh says`, () => {
    const ours = nstool(['caps', 'decode', mask]);
    equal(ours.stdout, run(['capsh', `--decode=${mask}`]).stdout);
    equal(ours.status, 0);
  });
}
