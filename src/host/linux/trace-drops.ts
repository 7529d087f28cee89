// Counts the packets that the kernel drops while something is done, by an instance of its tracing.

import { closeSync, mkdirSync, writeFileSync } from 'node:fs';
import { NsError } from '../../kernel/error.ts';
import { parseDrops, type Drops } from '../../kernel/trace/drops.ts';
import { requireNsexec } from './nsexec.ts';
import {
  asError,
  below,
  instanceName,
  isRemoved,
  leftovers,
  mountTracing,
  startGuard,
  type Guard,
} from './trace-instance.ts';
import { waitForEnd } from './wait.ts';
import { wholeFile } from './whole-file.ts';

/** Of each processor. Unit: KiB: some 10,000 packets. */
const BUFFER_SIZE = '1024';
const EVENT = 'skb/kfree_skb';

export class DropTrace {
  private readonly mount: number;
  private readonly folder: string;
  private readonly guard: Guard;

  private constructor(mount: number, guard: Guard, name: string) {
    this.mount = mount;
    this.guard = guard;
    this.folder = `${below(mount)}/instances/${name}`;
    try {
      mkdirSync(this.folder);
      this.set('buffer_size_kb', BUFFER_SIZE);
      this.set(`events/${EVENT}/enable`, '1');
    } catch (error) {
      this.close();
      throw asError(error);
    }
  }

  /** Counts from here on. Errors: DENIED; UNSUPPORTED, with what the kernel lacks. */
  static open(nsexec: string): DropTrace {
    requireNsexec(nsexec);
    const mount = mountTracing();
    try {
      requireEvent(mount);
      for (const name of leftovers(mount)) isRemoved(mount, name);
      const name = instanceName('drops');
      return new DropTrace(mount, startGuard(mount, name, nsexec), name);
    } catch (error) {
      closeSync(mount);
      throw error;
    }
  }

  /** What was dropped since; then nothing of the instance is left. */
  end(): Drops {
    try {
      this.set('tracing_on', '0');
      return parseDrops(wholeFile(`${this.folder}/trace`));
    } catch (error) {
      throw asError(error);
    } finally {
      this.close();
      closeSync(this.mount);
    }
  }

  private close(): void {
    closeSync(this.guard.pipe);
    waitForEnd(this.guard.pid);
  }

  private set(file: string, text: string): void {
    writeFileSync(`${this.folder}/${file}`, text);
  }
}

/** Errors: UNSUPPORTED. */
function requireEvent(mount: number): void {
  try {
    wholeFile(`${below(mount)}/events/${EVENT}/format`);
  } catch {
    throw new NsError('UNSUPPORTED', {
      what: 'this kernel has no trace event skb:kfree_skb',
      why: 'that needs CONFIG_NET and CONFIG_EVENT_TRACING',
    });
  }
}
