// Files below /proc/sys/net, of any network namespace: those of the thread that opens them.
// Source: sysctl(8), Documentation/networking/ip-sysctl.rst.

import { readFileSync, writeFileSync } from 'node:fs';
import { settingPath, type Setting } from '../../kernel/setting-undo.ts';
import { inNamespace } from './in-namespace.ts';

/** `namespace`: a descriptor; null: our own. Errors: throws what the kernel says. */
export function readSetting(key: string, namespace: number | null): string {
  return there(namespace, () => readFileSync(settingPath(key), 'utf8').trimEnd());
}

/** Errors: as of readSetting; EINVAL: the kernel does not take it. */
export function writeSetting({ key, value }: Setting, namespace: number | null): void {
  there(namespace, () => writeFileSync(settingPath(key), value, { flag: 'r+' }));
}

function there<T>(namespace: number | null, act: () => T): T {
  return namespace === null ? act() : inNamespace('net', namespace, act);
}
