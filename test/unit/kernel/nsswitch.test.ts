// nsswitch.conf: ours, with another's way of looking up hosts.

import { describe, expect, test } from 'vitest';
import { withHostsOf } from '../../../src/kernel/text/nsswitch.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const ours =
  '# of this host\npasswd: files systemd\nhosts: files mdns4_minimal [NOTFOUND=return] dns\nnetworks: files\n';

function hostsOf(theirs: string | undefined, own = ours): string | undefined {
  const text = withHostsOf(bytes(own), theirs === undefined ? undefined : bytes(theirs));
  return /^hosts: (.*)$/m.exec(text ?? '')?.[1];
}

describe('the line for hosts', () => {
  test.each([
    ['hosts: files dns\n', 'files dns'],
    ['hosts: dns files', 'dns files'],
    ['\thosts :\tfiles   myhostname  dns # last\n', 'files myhostname dns'],
    ['hosts: files [SUCCESS=merge] dns [!UNAVAIL=return]\n', 'files [SUCCESS=merge] dns [!UNAVAIL=return]'],
    ['hosts: files\nhosts: dns\n', 'dns'],
    ['passwd: files\n', 'files dns'],
    ['', 'files dns'],
  ])('of %j is %j', (theirs, expected) => expect(hostsOf(theirs)).toBe(expected));

  test('what asks a daemon of this host is left out, with its actions', () => {
    const theirs = 'hosts: mymachines resolve [!UNAVAIL=return] files mdns4 [NOTFOUND=return] dns sss wins\n';
    expect(hostsOf(theirs)).toBe('files dns');
    expect(hostsOf('hosts: resolve\n')).toBe('files dns');
  });

  test('the name of a library is never taken from it', () => {
    expect(hostsOf('hosts: x/../../../tmp/evil ./files ../dns\n')).not.toMatch(/[/.]|evil/);
    expect(hostsOf('hosts: files \u0000evil [a\nb] dns')).not.toContain('evil');
  });

  test('of a target without such a file is that of the C library', () => expect(hostsOf(undefined)).toBe('files dns'));
});

test('all other lines are ours', () => {
  expect(withHostsOf(bytes(ours), bytes('passwd: ldap\nhosts: files dns\n'))).toBe(
    '# of this host\npasswd: files systemd\nnetworks: files\nhosts: files dns\n',
  );
});

test('nothing is to be changed where it is the same already', () => {
  expect(withHostsOf(bytes('hosts:   files  dns\n'), bytes('hosts: files dns'))).toBeUndefined();
  expect(withHostsOf(bytes('hosts: files dns\n'), undefined)).toBeUndefined();
});
