// Whom those in a network namespace ask for names. The file is of the mount namespace: of a name its own (ip-netns(8)),
// else that of a process in it.

import { gap, value, type Reading } from '../../kernel/host.ts';
import { parseResolvConf, type ResolverConfiguration } from '../../kernel/text/resolv-conf.ts';
import type { NamespaceLook } from './namespace-look.ts';
import { plain, type Field } from './report.ts';

const KEY = 'resolv_conf';
const OWN = '/etc/resolv.conf';
const NAMED = /^(?:\/var)?\/run\/netns\/([^/]+)$/;
/** Of thousands of processes the others will not tell either. */
const MAX_TRIED = 8;

interface Found {
  /** Which file it is. */
  readonly file: string;
  readonly bytes: Uint8Array;
}

export function resolvConfField(look: NamespaceLook): Field {
  const found = look.known('resolv.conf', find(look));
  if (found === null) return plain(KEY, null);
  const configuration = parseResolvConf(found.bytes);
  const { nameservers, search, options } = configuration;
  const { file } = found;
  return { key: KEY, value: { file, nameservers, search, options }, lines: [file, ...linesOf(configuration)] };
}

function linesOf({ nameservers, search, options }: ResolverConfiguration): readonly string[] {
  return [
    ...nameservers.map((server) => `nameserver ${server}`),
    ...(search.length === 0 ? [] : [`search ${search.join(' ')}`]),
    ...(options.length === 0 ? [] : [`options ${options.join(' ')}`]),
  ];
}

function find(look: NamespaceLook): Reading<Found> {
  const { host, namespace } = look;
  if (look.isOurs) return foundAt(OWN, host.readFile(OWN));
  const names = namespace.mounts.flatMap((path) => NAMED.exec(path)?.[1] ?? []);
  for (const name of names) {
    const file = `/etc/netns/${name}/resolv.conf`;
    const bytes = host.readFile(file);
    if (bytes.ok || bytes.gap.reason !== 'gone') return foundAt(file, bytes);
  }
  let refused: Reading<Found> | undefined;
  for (const pid of namespace.pids.slice(0, MAX_TRIED)) {
    const root = `/proc/${pid}/root`;
    const found = foundAt(`${root}${OWN}`, host.readFileInRoot({ root, path: OWN }));
    if (found.ok) return found;
    refused ??= found;
  }
  if (refused !== undefined) return refused;
  if (names.length > 0) return foundAt(OWN, host.readFile(OWN));
  const what = `net:[${namespace.inode}]: no name, and no process that we see is in it`;
  return gap({ reason: 'unsupported', what });
}

function foundAt(file: string, bytes: Reading<Uint8Array>): Reading<Found> {
  return bytes.ok ? value({ file, bytes: bytes.value }) : bytes;
}
