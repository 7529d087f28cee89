// What is sent to see whether somebody answers: one ping, one connection, one question to a nameserver.

import type { Reading } from '../../kernel/host.ts';
import type { ProbeAnswer, ProbeQuestion } from '../../kernel/probe.ts';
import type { DoctorReport, Placed } from './doctor.ts';
import { advice, finding } from './finding.ts';

export interface Probed {
  readonly question: ProbeQuestion;
  readonly answer: Reading<ProbeAnswer>;
}

/** Nobody asks what is not there: of a network without names any nameserver knows this one, or says that it does not. */
const ANY_NAME = 'example.com';
const DNS_PORT = 53;

/** `name`: what is to be looked up. null: any. */
export function probesOf({ courses }: DoctorReport, name: string | null): readonly ProbeQuestion[] {
  const there = courses.find(({ way }) => way === 'there');
  const server = courses.find(({ way }) => way === 'names');
  const questions: ProbeQuestion[] = [];
  if (there !== undefined) {
    const { destination: to, port } = there.flow;
    questions.push({ kind: 'echo', to, size: null });
    if (port !== null) questions.push({ kind: 'connect', to, port });
  }
  if (server !== undefined) {
    const asked = (name ?? ANY_NAME).replace(/\.$/, '');
    questions.push({ kind: 'dns', to: server.flow.destination, port: DNS_PORT, name: asked, type: 'A' });
  }
  return questions;
}

/** What did not come back, unless it is known why: a ping may be ignored where a connection is made. */
export function probeFindings(report: DoctorReport, probed: readonly Probed[]): readonly Placed[] {
  if (report.findings.some(({ certainty }) => certainty === 'certain')) return [];
  const isConnected = probed.some(({ question, answer }) => question.kind === 'connect' && isAnswered(answer));
  return probed.flatMap(({ question, answer }): readonly Placed[] => {
    if (!answer.ok || isAnswered(answer) || (question.kind === 'echo' && isConnected)) return [];
    const one = finding('D44', report.from, `${probeText(question)}: ${answerText(answer.value)}`, {
      evidence: ['sent from there, once'],
      fix: advice('look at what was not looked at; nstool net doctor --probe --drops counts what the kernel drops'),
    });
    return [{ ...one, way: question.kind === 'dns' ? 'names' : 'there' }];
  });
}

function isAnswered(answer: Reading<ProbeAnswer>): boolean {
  return answer.ok && answer.value.state === 'answered';
}

export function probeText(question: ProbeQuestion): string {
  switch (question.kind) {
    case 'echo':
      return `ping ${question.to}`;
    case 'connect':
      return `connection to ${question.to} port ${question.port}`;
    case 'dns':
      return `question for ${question.name} to ${question.to}`;
  }
}

export function answerText({ state, from, rtt, errno, mtu, dns }: ProbeAnswer): string {
  const words = [
    state === 'timeout' ? 'nothing came back' : state,
    dns === null ? '' : `${dns.rcode}${dns.addresses.length === 0 ? '' : ` ${dns.addresses.join(' ')}`}`,
    state !== 'answered' && from !== null ? `says ${from}` : '',
    errno ?? '',
    mtu === null ? '' : `at most ${mtu} bytes`,
    rtt === null ? '' : `after ${rtt.toFixed(1)} ms`,
  ];
  return words.filter((word) => word !== '').join(', ');
}
