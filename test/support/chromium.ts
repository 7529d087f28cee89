// A page in Debian's headless Chromium, spoken to by the DevTools protocol over two pipes: messages of JSON, each with a zero
// behind it. Source: chromedevtools.github.io/devtools-protocol.

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

type Fields = Readonly<Record<string, unknown>>;

interface Message extends Fields {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Fields;
  readonly result?: Fields;
  readonly error?: { readonly message: string };
}

/** Of a machine that may have no display, shared memory or sandbox. */
const OPTIONS = [
  '--remote-debugging-pipe',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--window-size=1400,900',
];

export class Page {
  /** Errors, warnings of the console, and everything that was asked for over a network. */
  readonly complaints: string[] = [];
  private readonly child: ChildProcess;
  private readonly folder: string;
  private readonly input: Writable;
  private readonly answers = new Map<number, (message: Message) => void>();
  private readonly refusals = new Map<number, (error: Error) => void>();
  private readonly loads: (() => void)[] = [];
  private session: string | undefined;
  private last = 0;

  private constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'nstool-chromium-'));
    const args = [...OPTIONS, `--user-data-dir=${this.folder}`, 'about:blank'];
    this.child = spawn('chromium-headless-shell', args, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
    this.child.once('exit', () => {
      for (const refuse of this.refusals.values()) refuse(new Error('chromium has ended'));
    });
    this.input = this.child.stdio[3] as Writable;
    let rest = '';
    (this.child.stdio[4] as Readable).setEncoding('utf8').on('data', (text: string) => {
      const messages = (rest + text).split('\0');
      rest = messages.pop() ?? '';
      for (const message of messages) this.take(JSON.parse(message) as Message);
    });
  }

  static async open(): Promise<Page> {
    const page = new Page();
    const { targetInfos } = (await page.ask('Target.getTargets')) as {
      targetInfos: { type: string; targetId: string }[];
    };
    const targetId = targetInfos.find(({ type }) => type === 'page')?.targetId;
    const { sessionId } = await page.ask('Target.attachToTarget', { targetId, flatten: true });
    page.session = String(sessionId);
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await page.ask(`${domain}.enable`);
    return page;
  }

  private take(message: Message): void {
    const { id, method, params } = message;
    if (id !== undefined) this.answers.get(id)?.(message);
    const isError = params?.['type'] === 'error' || params?.['type'] === 'warning';
    if (method === 'Page.loadEventFired') for (const done of this.loads.splice(0)) done();
    else if (method === 'Runtime.exceptionThrown' || method === 'Log.entryAdded')
      this.complaints.push(JSON.stringify(params));
    else if (method === 'Runtime.consoleAPICalled' && isError) this.complaints.push(JSON.stringify(params));
    else if (method === 'Network.requestWillBeSent') {
      const request = params?.['request'] as { url: string } | undefined;
      if (request?.url.startsWith('file:') !== true) this.complaints.push(request?.url ?? method);
    }
  }

  private ask(method: string, params: Fields = {}): Promise<Fields> {
    this.last += 1;
    const id = this.last;
    const session = this.session === undefined ? {} : { sessionId: this.session };
    this.input.write(`${JSON.stringify({ id, method, params, ...session })}\0`);
    return new Promise((resolve, reject) => {
      this.answers.set(id, ({ result, error }) => {
        this.answers.delete(id);
        this.refusals.delete(id);
        if (error === undefined) resolve(result ?? {});
        else reject(new Error(`${method}: ${error.message}`));
      });
      this.refusals.set(id, reject);
    });
  }

  /** Once it is loaded, with its scripts run. */
  async load(path: string, colours: 'light' | 'dark' = 'light'): Promise<void> {
    await this.ask('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: colours }] });
    this.complaints.length = 0;
    const loaded = new Promise<void>((resolve) => this.loads.push(resolve));
    await this.ask('Page.navigate', { url: `file://${path}` });
    await loaded;
  }

  /** What an expression is in the page: text, a number, or what JSON can hold. */
  async value(expression: string): Promise<unknown> {
    const answer = await this.ask('Runtime.evaluate', { expression, returnByValue: true });
    const { result, exceptionDetails } = answer as { result: { value?: unknown }; exceptionDetails?: unknown };
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return result.value;
  }

  /** By the mouse, in the middle of the first that the selector finds. */
  async click(selector: string): Promise<void> {
    const at = (await this.value(`(() => {
      const element = document.querySelector(${JSON.stringify(selector)});
      element.scrollIntoView({ block: 'center', inline: 'center' });
      const { x, y, width, height } = element.getBoundingClientRect();
      return { x: x + width / 2, y: y + height / 2 };
    })()`)) as { x: number; y: number };
    for (const type of ['mousePressed', 'mouseReleased'])
      await this.ask('Input.dispatchMouseEvent', { type, ...at, button: 'left', clickCount: 1 });
  }

  async type(text: string): Promise<void> {
    await this.ask('Input.insertText', { text });
  }

  async close(): Promise<void> {
    const ended = new Promise<void>((resolve) => this.child.once('close', () => resolve()));
    this.session = undefined;
    await this.ask('Browser.close').catch(() => this.child.kill('SIGKILL'));
    await ended;
    rmSync(this.folder, { recursive: true, force: true });
  }
}
