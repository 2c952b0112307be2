/**
 * Mappings that are JSONata expressions. An expression can loop without end, so it runs in a thread that can be ended. There
 * is one, for all of them, one after the other; it is started again when it is needed.
 */
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from 'node:worker_threads';
import jsonata from 'jsonata';
import type { Delivery, Found } from './delivery.js';
import type { Answer, Task } from './jsonata-thread.js';

/** From the moment when the body is parsed until the messages are there. */
export const EXPRESSION_MS_MAX = 100;
/** What the thread may hold: the body, what it is parsed to, and what the expression makes of it. */
const THREAD_MIB_MAX = 64;
/** Whoever asks waits for the answer, so more than these mean that somebody does not wait. */
const WAITING_MAX = 1_000;

/** What is wrong with an expression as it is written; undefined when nothing is. */
export function expressionFault(expression: string): string | undefined {
  try {
    jsonata(expression);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

const overLimit = (fault: string): Found => ({ drafts: [], leftovers: [''], fault, isOverLimit: true });

const OUT_OF_MEMORY = overLimit(`The expression needed more than ${THREAD_MIB_MAX} MiB.`);

interface Asked {
  resolve: (found: Found) => void;
  reject: (error: Error) => void;
}

class Thread {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  #asked: Asked | undefined;
  #timer: NodeJS.Timeout | undefined;
  #dueAt = 0;
  isOver = false;

  readonly #msMax: number;

  constructor(msMax: number) {
    this.#msMax = msMax;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#worker = new Worker(new URL('./jsonata-thread.js', import.meta.url), {
      workerData: port2,
      transferList: [port2],
      env: {},
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: THREAD_MIB_MAX },
    });
    this.#port.on('message', (answer: Answer) => this.#hear(answer));
    this.#worker.on('error', (error: Error & { code?: string }) => {
      if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') this.#end(({ resolve }) => resolve(OUT_OF_MEMORY));
      else this.#end(({ reject }) => reject(error));
    });
    this.#worker.on('exit', (code) =>
      this.#end(({ reject }) => reject(new Error(`The thread of the expressions ended with ${code}.`))),
    );
  }

  ask(task: Task): Promise<Found> {
    return new Promise((resolve, reject) => {
      this.#asked = { resolve, reject };
      this.#port.postMessage(task, [task.body.buffer]);
    });
  }

  async close(): Promise<void> {
    this.#end(({ reject }) => reject(new Error('The expressions are closed.')));
    await this.#worker.terminate();
  }

  #hear(answer: Answer): void {
    if (answer === 'begins') this.#wait();
    else this.#settle(({ resolve }) => resolve(answer));
  }

  #wait(): void {
    this.#dueAt = performance.now() + this.#msMax;
    this.#timer = setTimeout(() => this.#lookAgain(), this.#msMax);
  }

  /** The answer may have come while this thread was busy: then the limit was kept. */
  #lookAgain(): void {
    const late = receiveMessageOnPort(this.#port);
    if (late !== undefined) return this.#hear(late.message as Answer);
    // this thread woke too late: the process was paused, and the expression with it
    if (performance.now() - this.#dueAt > this.#msMax) return this.#wait();
    const fault = `The expression did not end within ${this.#msMax} ms.`;
    this.#end(({ resolve }) => resolve(overLimit(fault)));
    void this.#worker.terminate();
  }

  #end(answer: (asked: Asked) => void): void {
    this.isOver = true;
    this.#port.close();
    this.#settle(answer);
  }

  #settle(answer: (asked: Asked) => void): void {
    clearTimeout(this.#timer);
    const asked = this.#asked;
    this.#asked = undefined;
    if (asked !== undefined) answer(asked);
  }
}

export class Expressions {
  #thread: Thread | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #isClosed = false;
  readonly #msMax: number;

  constructor(msMax: number = EXPRESSION_MS_MAX) {
    this.#msMax = msMax;
  }

  /** Rejects when the thread could not work; the fault of an expression is in what it resolves with. */
  async find(expression: string, delivery: Delivery): Promise<Found> {
    if (this.#waiting >= WAITING_MAX) throw new Error(`${WAITING_MAX} expressions are waiting already.`);
    this.#waiting++;
    const answer = this.#last.then(() => this.#ask(expression, delivery));
    this.#last = answer.catch(() => {});
    try {
      return await answer;
    } finally {
      this.#waiting--;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#thread?.close();
  }

  #ask(expression: string, { body, contentType, headers, source, verifiedAtMs }: Delivery): Promise<Found> {
    if (this.#isClosed) throw new Error('The expressions are closed.');
    if (this.#thread === undefined || this.#thread.isOver) this.#thread = new Thread(this.#msMax);
    const verified_at = new Date(verifiedAtMs).toISOString();
    // a copy: bytes that are handed over are gone, and a buffer may share them with others
    const task = { expression, body: new Uint8Array(body), contentType, headers, source, verified_at };
    return this.#thread.ask(task);
  }
}
