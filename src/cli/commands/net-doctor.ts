import { diagnose } from '../../inspect/doctor/doctor.ts';
import { doctorCodes, doctorTitle } from '../../inspect/doctor/codes.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import { flag, optionValue, type CommandDefinition } from '../define-command.ts';
import { gapNote } from '../gap-text.ts';
import { splitRecorded } from '../recorded-target.ts';
import { doctorJson, doctorText } from './net-doctor-report.ts';

export const netDoctor: CommandDefinition = {
  name: 'net doctor',
  summary: 'why there is no connection: the way there and back, hop by hop, and what is wrong on it',
  operands: 'TARGET',
  arity: [1, 1],
  description: [
    'Follows a packet from the network of TARGET through every namespace and bridge that can be seen, to its end and back,',
    'and says what is wrong, in the order in which the packet meets it: each with what was read and the command that mends',
    'it. Nothing is sent. In each namespace the kernel itself decides where the packet goes, as it would for a real one;',
    'firewalls are judged by their rules.',
    '',
    '--to is a target (its address that is nearest), a target with a port (web:80), an address (10.1.2.3, 10.1.2.3:80,',
    '[2001:db8::1]:80), or a name with a dot, for which the nameservers are looked at. A port is one of TCP; without it',
    'the packet is a ping. Without --to the ways to the gateways and to the nameservers are followed.',
    '',
    'A finding is certain, or possible: then it depends on what is not known. Where the way leaves what can be seen, by a',
    'physical link or a tunnel, that is said, as is all else that was not looked at.',
    'nstool explain D1 says more of a code:',
    ...doctorCodes.map((code) => `  ${code.padEnd(4)} ${doctorTitle(code)}`),
  ],
  options: [
    { long: 'to', value: 'WHERE', help: 'a target, target:PORT, an address, address:PORT, or a name of DNS' },
    { long: 'json', short: 'J', help: 'as JSON, with each hop and the gaps' },
    { long: 'verbose', short: 'v', help: 'with each hop' },
  ],
  examples: [
    { line: 'nstool net doctor container:web', does: 'can it reach its gateway and its nameservers?' },
    { line: 'nstool net doctor container:web --to container:db:5432', does: 'why a container does not reach another' },
    { line: 'nstool net doctor ns1 --to 8.8.8.8 -v', does: 'the way out, hop by hop' },
    { line: 'nstool net doctor incident.json::container:web', does: 'on a recorded host' },
  ],
  exitStatus: [
    [0, 'no fault was found in what could be seen'],
    [1, 'something is wrong, or may be'],
    [2, 'the command line is wrong, or a target is no network'],
    [3, 'no such process or namespace'],
    [4, 'a target is closed to us'],
    [5, '/proc is not that of our own pid namespace'],
  ],
  async run(invocation, context) {
    const { word, recording } = splitRecorded(invocation.operands[0] ?? '');
    const host = await context.host(recording);
    requireOwnProc(host);
    const report = diagnose(host, { from: word, to: optionValue(invocation, 'to') ?? null });
    const asJson = flag(invocation, 'json');
    return {
      stdout: asJson ? doctorJson(report) : doctorText(report, flag(invocation, 'verbose')),
      notes: report.gaps.map(gapNote),
      status: report.findings.length > 0 ? 1 : 0,
    };
  },
};
