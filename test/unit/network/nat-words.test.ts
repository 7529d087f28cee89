import { describe, expect, it, test } from 'vitest';
import { NsError } from '../../../src/kernel/error.ts';
import { publishOf, publishText } from '../../../src/network/nat-words.ts';

describe('--publish', () => {
  it('takes ports, an address of the host, a protocol', () => {
    expect(publishOf('8080:80')).toEqual({ protocol: 'tcp', address: null, port: 8080, toPort: 80 });
    expect(publishOf('127.0.0.1:1:65535/udp')).toEqual({
      protocol: 'udp',
      address: '127.0.0.1',
      port: 1,
      toPort: 65_535,
    });
    expect(publishOf('[FD00:0::1]:53:53/tcp')).toMatchObject({ address: 'fd00::1', protocol: 'tcp' });
  });

  test.each(['8080:80', '10.0.0.1:53:53/udp', '[fd00::1]:80:80'])('%s is written as it was read', (word) => {
    expect(publishText(publishOf(word))).toBe(word);
  });

  test.each([
    '',
    '80',
    '80:',
    ':80',
    '0:80',
    '80:0',
    '80:65536',
    '99999:80',
    '08:80',
    '8080:80/icmp',
    '80:80/udp/tcp',
    '-1:80',
    '1.2.3:80:80',
    '010.0.0.1:80:80',
    '0.0.0.0:80:80',
    '224.0.0.1:80:80',
    '255.255.255.255:80:80',
    'host:80:80',

    '[::1]:80:80',
    '[::]:80:80',
    '[ff02::1]:80:80',
    '::1:80:80',
    '[10.0.0.1:80:80',
    '10.0.0.1]:80:80',
    '[fe80::1%a]:1:1',
    '80:80\n',
    ' 80:80',
    '80:80;reboot',
    '../x:80:80',
    '8٠:80',
  ])('%j is refused', (word) => {
    expect(() => publishOf(word)).toThrow(NsError);
  });
});
