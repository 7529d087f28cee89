// What can be set below /proc/sys/net, as it is in a network namespace: the kernel shows each reader those of his own.

import { closeSync, readdirSync, statSync } from 'node:fs';
import { doorText } from '../../kernel/door.ts';
import { value, type Gap, type NamespaceDoor, type NetworkSettings, type Reading } from '../../kernel/host.ts';
import { gapOfError } from '../gap-of-error.ts';
import { inNamespace, inNewNetwork } from './in-namespace.ts';
import { gapOfThrown, openDoor } from './nsfs.ts';
import { wholeFile } from './whole-file.ts';

const ROOT = '/proc/sys/net';
const READABLE = 0o400;
const WRITABLE = 0o200;
/** Keys that others could use. */
const SECRETS = /\/(?:tcp_fastopen_key|stable_secret)$/;

export function networkSettings(of: NamespaceDoor | null): Reading<NetworkSettings> {
  let fd = -1;
  try {
    if (of === null) return value(inNewNetwork(readSettings));
    fd = openDoor(of);
    return value(inNamespace('net', fd, readSettings));
  } catch (error) {
    return gapOfThrown(of === null ? 'a new network namespace' : `${ROOT} in ${doorText(of)}`, error);
  } finally {
    if (fd >= 0) closeSync(fd);
  }
}

function readSettings(): NetworkSettings {
  const values: Record<string, string> = {};
  const gaps: Gap[] = [];
  const decoder = new TextDecoder();
  for (const entry of readdirSync(ROOT, { recursive: true, withFileTypes: true })) {
    const path = `${entry.parentPath}/${entry.name}`;
    if (!entry.isFile() || SECRETS.test(path)) continue;
    try {
      const { mode } = statSync(path);
      if ((mode & READABLE) === 0 || (mode & WRITABLE) === 0) continue;
      values[path.slice(ROOT.length + 1)] = decoder.decode(wholeFile(path)).replace(/\n$/, '');
    } catch (error) {
      const reading = gapOfError(path, error);
      if (!reading.ok && reading.gap.reason !== 'gone') gaps.push(reading.gap);
    }
  }
  return { values, gaps };
}
