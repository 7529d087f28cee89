// Discovery in a process of its own: as another user, or inside other namespaces. What it found comes back as data.

import { join } from 'node:path';
import { asUser, installation, run } from './program.ts';

export interface Discovered {
  readonly namespaces: readonly {
    readonly text: string;
    readonly pids: readonly number[];
    /** Inodes as text. */
    readonly owner: string;
    readonly parent: string;
    readonly holders: readonly Readonly<Record<string, unknown>>[];
  }[];
  readonly gaps: readonly { readonly subject: string; readonly reason: string; readonly detail: string | null }[];
}

const SCRIPT = `
  const { linuxHost, discoverNamespaces } = await import(process.argv[1]);
  const scan = discoverNamespaces(linuxHost(), new Set(process.argv[2].split(',')), { deep: true });
  const namespaces = [...scan.namespaces].map(([text, { pids, owner, parent, holders }]) =>
    ({ text, pids, owner: String(owner), parent: String(parent), holders }));
  const plain = (key, value) => (typeof value === 'bigint' ? String(value) : value);
  process.stdout.write(JSON.stringify({ namespaces, gaps: scan.gaps.list() }, plain));`;

/** `within` are words before the command, as `['nsenter', '--target=7', '--user']`. */
export function discoverAs(kinds: readonly string[], uid?: number, within: readonly string[] = []): Discovered {
  const library = join(installation(), 'dist/index.js');
  const command = [process.execPath, '--input-type=module', '-e', SCRIPT, library, kinds.join(',')];
  const { status, stdout, stderr } = run([...within, ...asUser(command, uid)]);
  if (status !== 0) throw new Error(`discovery: status ${status}: ${stderr}`);
  return JSON.parse(stdout) as Discovered;
}
