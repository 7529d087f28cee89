import { describe, expect, it } from 'vitest';
import { parseElfHead } from '../../../src/kernel/text/elf-head.ts';

interface Program {
  readonly type?: number;
  readonly entryLength?: number;
  readonly loader?: string;
}

/** A program of 64 bits with one header, of its loader or of something to load. */
function program({ type = 3, entryLength = 56, loader }: Program): Uint8Array {
  const bytes = new Uint8Array(200);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, type, true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(54, entryLength, true);
  view.setUint16(56, 1, true);
  view.setUint32(64, loader === undefined ? 1 : 3, true);
  view.setBigUint64(64 + 8, 128n, true);
  view.setBigUint64(64 + 32, BigInt(loader?.length ?? 0), true);
  bytes.set(new TextEncoder().encode(loader ?? ''), 128);
  return bytes;
}

describe('the head of a program', () => {
  it.each([
    ['static', {}, null],
    ['with a loader', { loader: '/lib/ld-musl-x86_64.so.1\0' }, '/lib/ld-musl-x86_64.so.1'],
    ['fixed in place', { type: 2 }, null],
  ])('%s', (_, what, loader) => {
    expect(parseElfHead(program(what))).toEqual({ ok: true, loader });
  });

  it.each([
    ['an object file', program({ type: 1 }), /object file/],
    ['nothing but the mark', program({}).subarray(0, 4), /cut off/],
    ['headers of another length', program({ entryLength: 1 }), /program headers/],
    ['a loader without an end', program({ loader: '/lib/ld' }), /no end/],
    ['a loader without a name', program({ loader: '\0' }), /no good length/],
  ])('%s is none', (_, head, problem) => {
    expect(parseElfHead(head)).toEqual({ ok: false, problem: expect.stringMatching(problem) });
  });

  it('does not know what stands further on', () => {
    expect(parseElfHead(program({ loader: '/lib/ld\0' }).subarray(0, 130))).toEqual({ ok: true, loader: undefined });
    const bigEndian = program({});
    bigEndian[5] = 2;
    expect(parseElfHead(bigEndian)).toEqual({ ok: true, loader: undefined });
  });
});
