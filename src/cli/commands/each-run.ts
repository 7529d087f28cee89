// A command in one namespace: what it prints, kept until it is asked for, and how it ended.

import type { Readable } from 'node:stream';
import type { NsexecChildren } from '../../host/linux/nsexec-children.ts';
import { NsError } from '../../kernel/error.ts';
import type { Program } from '../../kernel/program.ts';
import { failureText } from '../../launch/each.ts';
import { failureStatus } from '../../launch/explain-enter.ts';
import type { NamespaceRow } from '../../namespaces/rows.ts';
import { errorText } from '../error-text.ts';

export interface Printed {
  readonly fd: 1 | 2;
  readonly bytes: Uint8Array;
}

export interface RunEnd {
  /** null: a signal ended it. */
  readonly status: number | null;
  /** The number of that signal. */
  readonly signal: number | null;
  /** Why the command was not executed, as lines; null: it was. */
  readonly error: string | null;
}

/** So much is kept of a command whose turn to be shown has not come; then it has to wait in its write(2). */
const KEPT_BYTES = 64 * 1024;

export class Run {
  readonly row: NamespaceRow;
  private readonly kept: Printed[] = [];
  private keptBytes = 0;
  private streams: readonly Readable[] = [];
  private end: RunEnd | undefined;
  private bug: unknown;
  /** Was it dropped? */
  isDropped = false;
  private hasNews = (): void => {};

  constructor(row: NamespaceRow) {
    this.row = row;
  }

  /** Done when the command has ended and nobody has its output open any more. Throws nothing: see printed(). */
  async execute(children: NsexecChildren, plan: () => Program): Promise<void> {
    try {
      this.end = await this.follow(children, plan());
    } catch (error) {
      if (error instanceof NsError) this.end = { status: failureStatus, signal: null, error: errorText(error) };
      else this.bug = error;
    }
    this.hasNews();
  }

  private async follow(children: NsexecChildren, program: Program): Promise<RunEnd> {
    const child = children.start(program);
    this.streams = [child.stdout, child.stderr];
    const closed = [this.keep(child.stdout, 1), this.keep(child.stderr, 2)];
    const { status, signal, failure } = await child.ended;
    if (this.isDropped) this.closeStreams();
    await Promise.all(closed);
    return { status, signal, error: failure === null ? null : failureText(program, failure) };
  }

  private async keep(stream: Readable, fd: 1 | 2): Promise<void> {
    stream.on('data', (bytes: Buffer) => {
      if (this.isDropped) return;
      this.kept.push({ fd, bytes });
      this.keptBytes += bytes.length;
      if (this.keptBytes > KEPT_BYTES) for (const one of this.streams) one.pause();
      this.hasNews();
    });
    // Closing follows.
    stream.on('error', () => {});
    await new Promise<void>((done) => stream.once('close', done));
  }

  /** As it comes, to the end; or to where it was dropped. Errors: a bug of ours. */
  async *printed(): AsyncGenerator<Printed> {
    while (!this.isDropped) {
      const next = this.kept.shift();
      if (next !== undefined) {
        this.keptBytes -= next.bytes.length;
        yield next;
      } else if (this.bug !== undefined) {
        throw this.bug;
      } else if (this.end !== undefined) {
        return;
      } else {
        const news = new Promise<void>((done) => {
          this.hasNews = done;
        });
        for (const stream of this.streams) stream.resume();
        await news;
      }
    }
  }

  /** After all was printed. */
  get ended(): RunEnd {
    if (this.end === undefined) throw new Error('it has not ended');
    return this.end;
  }

  /** Nobody wants to know any more. */
  drop(): void {
    this.isDropped = true;
    this.kept.length = 0;
    // With its output closed it would be ended by SIGPIPE before the signal that it is to be ended by.
    for (const stream of this.streams) stream.resume();
    this.hasNews();
  }

  private closeStreams(): void {
    for (const stream of this.streams) stream.destroy();
  }
}
