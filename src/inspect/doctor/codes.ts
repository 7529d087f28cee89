// What `net doctor` can find, by code: a title for each. docs/findings has a page for each of them.

const doctorTitles = {
  D1: 'a link is down',
  D2: 'a link leads nowhere',
  D3: 'the loopback is down',
  D4: 'no address',
  D5: 'an address that is not in use yet, or never will be',
  D6: 'the length of a net is wrong',
  D7: 'no route',
  D8: 'a route that refuses',
  D9: 'forwarding is off',
  D10: 'the source is refused (rp_filter, martians)',
  D11: 'a policy rule sends it elsewhere',
  D12: 'no NAT for a private address',
  D13: 'no way back',
  D14: 'a firewall drops it',
  D15: 'a firewall drops what a bridge passes on (br_netfilter)',
  D16: 'a neighbour does not answer',
  D17: 'a neighbour entry has the wrong link address',
  D18: 'two have the same address',
  D19: 'two have the same link address',
  D20: 'large packets are lost (MTU)',
  D21: 'a port of a bridge does not forward',
  D22: 'ports of a bridge are kept apart, or do not send back',
  D23: 'a VLAN that a port is not in',
  D24: 'nobody listens on the port',
  D25: 'who listens is bound to another address',
  D26: 'who listens takes only IPv6',
  D27: 'connections wait to be accepted',
  D28: 'no nameserver',
  D29: 'a nameserver that does not answer',
  D30: 'the table of connections is full',
  D31: 'the table of neighbours is full',
  D32: 'a queue that loses or delays packets',
  D33: 'a link loses packets',
  D34: 'nobody has the address',
  D35: 'IPv6 is off',
  D36: 'no routes are taken from router advertisements',
  D37: 'two nets overlap',
  D38: 'a published port leads to nobody',
  D39: 'a macvlan and the link below it do not hear each other',
  D40: 'ping is not answered',
  D41: 'the way is a circle',
  D42: 'a link that asks for no link addresses (NOARP)',
  D43: 'a service without an endpoint',
  D44: 'the probe failed',
} as const;

export type DoctorCode = keyof typeof doctorTitles;

export const doctorCodes: readonly string[] = Object.keys(doctorTitles);

export function doctorTitle(code: string): string {
  return (doctorTitles as Readonly<Record<string, string>>)[code] ?? code;
}
