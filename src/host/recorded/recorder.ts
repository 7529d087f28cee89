// Wraps a host and notes every question with its answer: the archive is then exactly what a command asked.

import type { FileStatus, Gap, Host, Reading } from '../../kernel/host.ts';
import { questions, toHex, type Answer, type Entry } from './archive.ts';

export interface Recorder {
  readonly host: Host;
  /** What was asked so far, each question once, with its last answer. */
  entries(): readonly Entry[];
}

export function recording(host: Host): Recorder {
  const answers = new Map<string, Answer>();
  const note = <T>(question: string, reading: Reading<T>, encode: (value: T) => Answer): Reading<T> => {
    answers.set(question, reading.ok ? encode(reading.value) : { gap: withoutWhat(reading.gap) });
    return reading;
  };
  return {
    host: {
      self: host.self,
      readFile: (path) => note(questions.file(path), host.readFile(path), encodeBytes),
      readLink: (path) => note(questions.link(path), host.readLink(path), (text) => ({ text })),
      readDirectory: (path) => note(questions.directory(path), host.readDirectory(path), (names) => ({ names })),
      stat: (path) => note(questions.stat(path), host.stat(path), encodeStatus),
      askNamespace: (path, asked) =>
        note(questions.namespace(path, asked), host.askNamespace(path, asked), (number) => ({
          number: String(number),
        })),
      netlink: (request) =>
        note(questions.netlink(request), host.netlink(request), (datagrams) => ({ datagrams: datagrams.map(toHex) })),
    },
    entries: () => [...answers].map(([question, answer]) => ({ question, answer })),
  };
}

/** The question is the key already. */
function withoutWhat(gap: Gap): Omit<Gap, 'what'> {
  const { what, ...rest } = gap;
  void what;
  return rest;
}

function encodeBytes(bytes: Uint8Array): Answer {
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { hex: toHex(bytes) };
  }
}

function encodeStatus({ dev, ino, mode, uid, gid }: FileStatus): Answer {
  return { status: { dev: `${dev}`, ino: `${ino}`, mode: `${mode}`, uid: `${uid}`, gid: `${gid}` } };
}
