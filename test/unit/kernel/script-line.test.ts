import { describe, expect, it } from 'vitest';
import { parseScriptLine } from '../../../src/kernel/text/script-line.ts';

const parse = (text: string): unknown => parseScriptLine(new TextEncoder().encode(text));

describe('the first line of a script', () => {
  it.each([
    ['#!/bin/sh\n', '/bin/sh', null],
    ['#!/bin/sh', '/bin/sh', null],
    ['#! \t/bin/sh -e \t\nexit', '/bin/sh', '-e'],
    ['#!/usr/bin/env -S node --x\n', '/usr/bin/env', '-S node --x'],
    ['#!sh\n', 'sh', null],
    ['#!/bin/sh\0-e\n', '/bin/sh', null],
    [`#!/bin/sh ${'x'.repeat(245)}`, '/bin/sh', 'x'.repeat(245)],
  ])('%j', (text, interpreter, argument) => {
    expect(parse(text)).toEqual({ interpreter, argument });
  });

  it.each(['', '#', '#!', '#!\n', '#! \t\n/bin/sh', '\x7fELF', `#!/${'a'.repeat(253)}`])('none: %j', (text) => {
    expect(parse(text)).toBeUndefined();
  });

  it('keeps bytes that are no UTF-8', () => {
    expect(parseScriptLine(Uint8Array.of(0x23, 0x21, 0x2f, 0xff, 0x0a))?.interpreter).toBe('/\udcff');
  });
});
