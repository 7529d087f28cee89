// A test of a guest: node:test's, one after the other in the order of the files.

import { test as nodeTest } from 'node:test';
import { facts } from './facts.ts';

type Body = () => void | Promise<void>;

/** Of one test, in milliseconds: a guest is slow, and the host has other things to do. */
const TIMEOUT = 120_000;

/** `skip` is the reason, or false. Returns whether it was asked for. */
export function test(name: string, options: { readonly skip: string | false } | Body, body?: Body): boolean {
  if (facts.only.length > 0 && !facts.only.some((part) => name.includes(part))) return false;
  const run = typeof options === 'function' ? options : body;
  // Whoever runs the file waits for all of them.
  void nodeTest(name, { timeout: TIMEOUT, ...(typeof options === 'function' ? {} : options) }, run);
  return true;
}
