// The steps that set sysctls. In a namespace of the lab's own they go with it; elsewhere what was there before comes back
// when the last lab that needs it is gone.

import { valueOf, type Host } from '../kernel/host.ts';
import { settingPath, type Setting, type SysctlUndo } from '../kernel/setting-undo.ts';
import { decodeText } from '../kernel/text/text.ts';
import type { LabQuestion } from './lab-question.ts';
import type { Sight } from './lab-sight.ts';
import { step, type PlannedStep } from './lab-step.ts';

const FOLDER = '/proc/sys/net';

/** `question.settings`: what other labs need. */
export function sysctlStep(
  host: Host,
  { standing, settings }: LabQuestion,
  sight: Sight,
  { key, value }: Setting,
  reason: string,
): PlannedStep {
  const { at, inode, node } = sight;
  const now = settingNow(host, sight, key);
  const ours = standing?.undo.find((each) => each.op === 'sysctl' && each.key === key && each.door === at);
  const other = settings.find((each) => each.key === key && each.network === inode);
  const first = ours ?? other;
  const isShared = node.kind !== 'namespace' && now !== null;
  const undo: SysctlUndo = {
    op: 'sysctl',
    key,
    value,
    ...(first?.op === 'sysctl'
      ? { previous: first.previous, along: first.along }
      : { previous: now ?? value, along: settingsAlong(host, sight, key) }),
    network: 0n,
    door: at,
  };
  const where = node.kind === 'host' ? '' : ` in ${node.name}`;
  const was = now === null || now === value ? '' : `: it is ${now}`;
  return step({ op: 'sysctl', at, key, value }, `${key} = ${value}${where}`, `${reason}${was}`, {
    // What another lab set is needed by two from now on.
    isRight: now === value && (ours !== undefined || other === undefined || !isShared),
    undo: isShared && ours === undefined ? undo : null,
  });
}

/** null: it is not there, or not yet. */
export function settingNow(host: Host, { at, inode }: Pick<Sight, 'at' | 'inode'>, key: string): string | null {
  if (inode === null) return null;
  const path = settingPath(key);
  const bytes = valueOf(at === null ? host.readFile(path) : host.readFileInside({ door: at, kind: 'net', path }));
  return bytes === undefined ? null : decodeText(bytes).trim().replaceAll(/\s+/g, ' ');
}

/**
 * Forwarding of all is that of each link, of new ones, and (IPv4) whether redirects are heeded. Only what would not be so
 * again by itself. Source: inet_forward_change(), net/ipv4/devinet.c; addrconf_fixup_forwarding(), net/ipv6/addrconf.c.
 */
function settingsAlong(host: Host, sight: Sight, key: string): readonly Setting[] {
  const family = key === 'net.ipv4.ip_forward' ? 'ipv4' : key === 'net.ipv6.conf.all.forwarding' ? 'ipv6' : undefined;
  if (family === undefined || sight.at !== null) return [];
  const links = (valueOf(host.readDirectory(`${FOLDER}/${family}/conf`)) ?? []).filter((name) => name !== 'all');
  const forwarding = links.map((name) => ({
    key: `net.${family}.conf.${name.replaceAll('.', '/')}.forwarding`,
    value: '1',
  }));
  const redirects = family === 'ipv4' ? [{ key: 'net.ipv4.conf.all.accept_redirects', value: '0' }] : [];
  return [...forwarding, ...redirects].filter((each) => settingNow(host, sight, each.key) === each.value);
}
