import { describe, expect, test } from 'vitest';
import { formatIab, parseIab } from '../../../src/capabilities/iab.ts';
import { formatCapabilityText, parseCapabilityText } from '../../../src/capabilities/text.ts';

const ALL = (1n << 41n) - 1n;

function canonical(text: string, all = ALL): string {
  const parsed = parseCapabilityText(text, all);
  return parsed.ok ? formatCapabilityText(parsed.sets, all) : `refused: ${parsed.problem}`;
}

// What libcap 2.66 does with them on a kernel of 41 capabilities.
describe('the text of three sets', () => {
  test.each([
    ['=ep', '=ep'],
    ['all=ep', '=ep'],
    ['all+ep', '=ep'],
    ['=', '='],
    ['', '='],
    ['all=', '='],
    ['all-ep', '='],
    ['cap_net_raw=', '='],
    ['cap_net_raw+ep', 'cap_net_raw=ep'],
    ['cap_net_raw=pe', 'cap_net_raw=ep'],
    ['cap_net_raw=+ep', 'cap_net_raw=ep'],
    ['cap_net_raw+p+e', 'cap_net_raw=ep'],
    ['cap_net_raw+p cap_net_raw+e', 'cap_net_raw=ep'],
    ['CAP_NET_RAW+ep', 'cap_net_raw=ep'],
    ['cap_net_raw+ep-e', 'cap_net_raw=p'],
    ['cap_net_raw=ep+i', 'cap_net_raw=eip'],
    ['ALL=p', '=p'],
    ['40=ep', 'cap_checkpoint_restore=ep'],
    ['cap_chown,cap_kill=ep cap_kill+i', 'cap_kill=eip cap_chown+ep'],
    ['=ep cap_sys_admin-e', '=ep cap_sys_admin-e'],
    ['=ep cap_sys_admin-ep+i', '=ep cap_sys_admin+i-ep'],
    ['cap_net_raw=eip cap_net_admin+i', 'cap_net_raw=eip cap_net_admin+i'],
    ['cap_net_raw=ep 41+ep', 'cap_net_raw=ep 41+ep'],
    ['0x29=p', '= 41+p'],
    ['051=p', '= 41+p'],
    ['=ep 41+ep', '=ep 41+ep'],
    ['all=ip cap_kill-i', '=ip cap_kill-i'],
    ['\tcap_net_raw=ep\n\v\f\r ', 'cap_net_raw=ep'],
  ])('%j is %j', (text, expected) => {
    expect(canonical(text)).toBe(expected);
  });

  test.each([
    '+ep',
    '-e',
    '=+ep',
    'cap_net_raw+p +e',
    'cap_net_raw+',
    'cap_net_raw',
    'net_raw+ep',
    'cap_net_raw,=ep',
    ',cap_net_raw=ep',
    'cap_net_raw, cap_kill=ep',
    'cap_net_raw+EP',
    '64=ep',
    '18446744073709551616=p',
    'cap_foo=ep',
    'cap_net_raw==ep',
    'cap_net_raw=e=p',
    'cap_net_raw=+',
    '=e-p',
    '08=p',
    '0x=p',
    'cap_net_raw=ep\0',
    'é=ep',
    'constructor=ep',
  ])('%j is refused', (text) => {
    expect(parseCapabilityText(text, ALL).ok).toBe(false);
  });

  test('says why', () => {
    expect(canonical('net_raw+ep')).toBe("refused: 'net_raw+ep': in this form it is cap_net_raw");
    expect(canonical('cap_net_raw')).toBe("refused: 'cap_net_raw': there is no '=', '+' or '-'");
    expect(canonical('+ep')).toBe("refused: '+ep': only '=' may stand without a list of capabilities");
  });

  test('all is what the kernel knows, and what it does not know stands at the end', () => {
    const before58 = (1n << 38n) - 1n;
    expect(canonical('=ep', before58)).toBe('=ep');
    expect(canonical('all=p 39+e', before58)).toBe('=p cap_bpf+e');
    expect(formatCapabilityText({ effective: ALL, permitted: ALL, inheritable: 0n }, before58)).toBe(
      '=ep cap_perfmon,cap_bpf,cap_checkpoint_restore+ep',
    );
  });
});

describe('the text of inheritable, ambient and bounding', () => {
  function again(text: string): string {
    const parsed = parseIab(text, ALL);
    return parsed.ok ? formatIab(parsed.sets, ALL) : 'refused';
  }

  test.each([
    ['', ''],
    ['cap_chown', 'cap_chown'],
    ['%cap_chown', 'cap_chown'],
    ['^cap_chown', '^cap_chown'],
    ['%^cap_chown', '^cap_chown'],
    ['13', 'cap_net_raw'],
    ['CAP_CHOWN', 'cap_chown'],
    ['cap_chown,', 'cap_chown'],
    ['!%cap_chown', '!%cap_chown'],
    ['!^cap_chown', '!^cap_chown'],
    ['^!cap_chown', '!^cap_chown'],
    ['!cap_chown,^cap_chown', '!^cap_chown'],
    ['cap_setuid,!cap_chown', '!cap_chown,cap_setuid'],
    ['41', ''],
    ['!41', ''],
    ['all', 'refused'],
    ['!all', 'refused'],
    ['cap_foo', 'refused'],
    [' cap_chown', 'refused'],
    ['cap_chown ', 'refused'],
    ['net_raw', 'refused'],
    ['cap_chown,,cap_kill', 'refused'],
  ])('%j is %j', (text, expected) => {
    expect(again(text)).toBe(expected);
  });
});
