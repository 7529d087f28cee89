// Makes the recorded hosts of fixtures/hosts that are no machine at hand: each is set up in a guest of test:kernels and
// captured there, by scripts/capture-host.ts. What it takes: docs/kernels.md.
//
//   npx tsx scripts/capture-guests.ts [NAME…]

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { boot } from './kernels/boot.ts';
import { cacheFolder } from './kernels/cache.ts';
import { fetchKernel } from './kernels/fetch.ts';
import { guests } from './kernels/guests.ts';
import { makeInitramfs } from './kernels/initramfs.ts';
import { installTools } from './kernels/tools.ts';

/** By the name of the recorded host: its guest. */
const HOSTS: Readonly<Record<string, string>> = {
  'kubernetes-node': '6.12',
  'systemd-desktop': 'systemd',
  'v1-only': '6.1-v1',
};

const say = (line: string): void => console.log(line);
const cache = { folder: cacheFolder(), update: false, say };
const names = process.argv.slice(2);

for (const [name, guestName] of Object.entries(HOSTS)) {
  if (names.length > 0 && !names.includes(name)) continue;
  const guest = guests.find((each) => each.name === guestName);
  if (guest === undefined) throw new Error(`no guest ${guestName}`);
  installTools([guest], say);
  const folder = mkdtempSync(join(tmpdir(), 'nstool-guests-'));
  try {
    const kernel = fetchKernel(cache, guest);
    const programs = { guest: 'scripts/kernels/scene.ts', 'capture-host': 'scripts/capture-host.ts' };
    const initramfs = await makeInitramfs(cache, guest, kernel, folder, [name], programs);
    const { console: output, seconds } = await boot(
      guest,
      { ...kernel, initramfs },
      new AbortController().signal,
      () => undefined,
    );
    const [, told] = /@@CAPTURE\n([\s\S]*?)@@CAPTURED\n/.exec(output) ?? [];
    if (told === undefined) throw new Error(`${name}: nothing was captured:\n${output.slice(-4000)}`);
    const archive = gunzipSync(Buffer.from(told, 'base64'));
    writeFileSync(fileURLToPath(new URL(`../fixtures/hosts/${name}.ndjson`, import.meta.url)), archive);
    say(`${name}: ${archive.length} bytes (${seconds.toFixed(0)} s)`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
