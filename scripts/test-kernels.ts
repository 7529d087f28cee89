// npm run test:kernels [-- GUEST…]: tests nstool on other kernels, each booted in qemu. See docs/kernels.md.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { boot } from './kernels/boot.ts';
import { cacheFolder, type Cache } from './kernels/cache.ts';
import { fetchKernel } from './kernels/fetch.ts';
import { guests, type Guest } from './kernels/guests.ts';
import { makeInitramfs } from './kernels/initramfs.ts';
import { parseResults } from './kernels/tap.ts';
import { installTools } from './kernels/tools.ts';

const LAST_LINES = 20;
const stop = new AbortController();

function chosen(names: readonly string[]): readonly Guest[] {
  const unknown = names.filter((name) => !guests.some((guest) => guest.name === name));
  const known = guests.map((guest) => guest.name).join(' ');
  if (unknown.length > 0) throw new Error(`no guest ${unknown.join(', ')}; there are: ${known}`);
  return names.length === 0 ? guests : guests.filter((guest) => names.includes(guest.name));
}

interface Options {
  /** The console of the guest, as it is written. */
  readonly verbose: boolean;
  /** Only the tests whose name has one of these. Empty: all. */
  readonly only: readonly string[];
}

/** Whether all its tests passed. */
async function test(cache: Cache, guest: Guest, options: Options): Promise<boolean> {
  const kernel = fetchKernel(cache, guest);
  const folder = mkdtempSync(join(tmpdir(), 'nstool-kernels-'));
  try {
    const initramfs = await makeInitramfs(cache, guest, kernel, folder, options.only);
    const listen = (text: string): unknown => options.verbose && process.stdout.write(text);
    const { console: output, seconds, ended } = await boot(guest, { ...kernel, initramfs }, stop.signal, listen);
    const { tests, isComplete } = parseResults(output);
    const count = (result: string): number => tests.filter((one) => one.result === result).length;
    const skipped = count('skipped') === 0 ? '' : `, ${count('skipped')} skipped`;
    const figures = `${count('passed')} passed, ${count('failed')} failed${skipped}`;
    console.log(`${guest.name}: ${figures} (${seconds.toFixed(0)} s)`);
    for (const { name, result, detail } of tests) {
      if (result === 'failed') console.log(`  failed: ${name}\n${detail.trimEnd()}`);
      if (result === 'skipped') console.log(`  skipped: ${name}: ${detail}`);
    }
    if (isComplete && ended === 'by itself') return count('failed') === 0;
    const last = output.trimEnd().split('\n').slice(-LAST_LINES);
    console.log(`  failed: the tests did not run to their end; the guest ended ${ended}, with`);
    console.log(last.map((line) => `    ${line}`).join('\n'));
    return false;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      only: { type: 'string', multiple: true, default: [] },
      update: { type: 'boolean', default: false },
      verbose: { type: 'boolean', short: 'v', default: false },
    },
  });
  const say = (line: string): void => console.log(line);
  const cache: Cache = { folder: cacheFolder(), update: values.update, say };
  const chosenGuests = chosen(positionals);
  const interrupt = (signal: NodeJS.Signals): void => {
    process.exitCode = signal === 'SIGINT' ? 130 : 143;
    stop.abort();
  };
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt).once('SIGHUP', interrupt);
  installTools(chosenGuests, say);
  const failed: string[] = [];
  for (const guest of chosenGuests) {
    if (!(await test(cache, guest, values))) failed.push(guest.name);
  }
  if (failed.length > 0) console.log(`failed on ${failed.join(', ')}`);
  process.exitCode = failed.length > 0 ? 1 : 0;
}

await main().catch((error: unknown) => {
  const text = error instanceof Error ? error.message : String(error);
  console.error(`test:kernels: ${stop.signal.aborted ? 'interrupted' : text}`);
  process.exitCode ??= 2;
});
