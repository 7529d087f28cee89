// A recorded host as text: a header and then a line of JSON for each question and its answer, so that an archive can
// be read, compared and edited by hand.

import type { FileStatus, Gap, NamespaceQuestion, NetlinkRequest } from '../../kernel/host.ts';

/** Where a recording comes from. */
export interface ArchiveHeader {
  /** The version of this format. */
  readonly nstool_recording: 1;
  readonly date: string;
  readonly kernel: string;
  readonly distribution: string;
  /** The command or the hands that made it. */
  readonly made_by: string;
  readonly anonymised: boolean;
  /** The process that asked. */
  readonly self: { readonly pid: number; readonly uid: number };
}

/** Answers as JSON holds them: bytes as text where they are UTF-8, else in hex; 64-bit numbers as strings. */
export type Answer =
  | { readonly text: string }
  | { readonly hex: string }
  | { readonly names: readonly string[] }
  | { readonly status: Record<keyof FileStatus, string> }
  | { readonly number: string }
  | { readonly datagrams: readonly string[] }
  | { readonly gap: Omit<Gap, 'what'> };

export interface Entry {
  readonly question: string;
  readonly answer: Answer;
}

export const questions = {
  file: (path: string): string => `file ${path}`,
  link: (path: string): string => `link ${path}`,
  directory: (path: string): string => `directory ${path}`,
  stat: (path: string): string => `stat ${path}`,
  namespace: (path: string, asked: readonly NamespaceQuestion[]): string => `namespace ${path} ${asked.join(' ')}`,
  netlink: (request: NetlinkRequest): string =>
    `netlink ${request.protocol} ${toHex(request.message)} ${request.descriptor?.path ?? ''}`,
};

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

export function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}

export function formatArchive(header: ArchiveHeader, entries: readonly Entry[]): string {
  const lines = entries.map((entry) => JSON.stringify({ q: entry.question, ...entry.answer }));
  return [JSON.stringify(header), ...lines, ''].join('\n');
}
