/**
 * The contract over a WebSocket, for web mode. Reconnects by itself; a request while the connection is lost fails with
 * NOT_CONNECTED and is never repeated without the user.
 */
import type { Bridge, ClientFrame, EventChannel, Events, Payload, RequestChannel, Results, ServerFrame } from '#shared/ipc';
import type { AppError, Result } from '#shared/errors';

export type LinkState = 'connecting' | 'open' | 'lost' | 'refused';

/** What a transport has besides the bridge: whether it stands. */
export interface LinkedBridge extends Bridge {
  /** Called at once with the present state, then with every change. */
  onLink(listener: (state: LinkState) => void): () => void;
}

const TOKEN_KEY = 'brokerdesk.token';
const MAX_WAITING = 256;
const RETRY_MS = [250, 500, 1_000, 2_000, 3_000] as const;

/** Takes the token out of the address, where it would end in history and bookmarks, and keeps it for this tab. */
export function takeToken(location: Location, history: History, storage: Storage): string | null {
  const match = /[#?&]token=([^&]*)/.exec(location.hash);
  if (match?.[1] !== undefined) {
    storage.setItem(TOKEN_KEY, decodeURIComponent(match[1]));
    const rest = location.hash.replace(/([#?&])token=[^&]*&?/, '$1').replace(/[?&#]$/, '');
    history.replaceState(history.state, '', `${location.pathname}${location.search}${rest}`);
  }
  return storage.getItem(TOKEN_KEY);
}

type Socket = Pick<WebSocket, 'send' | 'close' | 'addEventListener' | 'readyState'>;
interface Waiting {
  frame: string;
  sent: boolean;
  settle: (result: Result<unknown>) => void;
}

const LOST: AppError = {
  code: 'NOT_CONNECTED',
  message: 'The connection to Brokerdesk was lost before an answer came.',
  advice: 'Brokerdesk reconnects by itself. Check whether the action took effect before you retry.',
};
const FULL: AppError = { code: 'NOT_CONNECTED', message: 'Brokerdesk does not answer.', advice: 'Check that its process still runs.' };

export class WebBridge implements LinkedBridge {
  readonly #open: () => Socket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Map<EventChannel, Set<(payload: never) => void>>();
  readonly #linkListeners = new Set<(state: LinkState) => void>();
  #state: LinkState = 'connecting';
  #socket: Socket | null = null;
  #nextId = 1;
  #failures = 0;
  #everOpen = false;

  constructor(open: () => Socket) {
    this.#open = open;
    this.#connect();
  }

  invoke<C extends RequestChannel>(channel: C, payload: Payload<C>): Promise<Result<Results[C]>> {
    if (this.#waiting.size >= MAX_WAITING) return Promise.resolve({ ok: false, error: FULL });
    const id = this.#nextId++;
    const frame: ClientFrame = { id, channel, payload };
    return new Promise((resolve) => {
      // The server answers a channel with that channel's result: the contract, not something that can be seen here.
      const waiting: Waiting = { frame: JSON.stringify(frame), sent: false, settle: (result) => resolve(result as Result<Results[C]>) };
      if (this.#state === 'lost' || this.#state === 'refused') {
        waiting.settle({ ok: false, error: LOST });
        return;
      }
      this.#waiting.set(id, waiting);
      this.#flush();
    });
  }

  on<E extends EventChannel>(event: E, listener: (payload: Events[E]) => void): () => void {
    const set = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, set);
    set.add(listener);
    return () => set.delete(listener);
  }

  onLink(listener: (state: LinkState) => void): () => void {
    this.#linkListeners.add(listener);
    listener(this.#state);
    return () => this.#linkListeners.delete(listener);
  }

  #connect(): void {
    const socket = this.#open();
    this.#socket = socket;
    socket.addEventListener('open', () => {
      this.#failures = 0;
      this.#everOpen = true;
      this.#become('open');
      this.#flush();
    });
    socket.addEventListener('message', (message) => {
      if (typeof message.data === 'string') this.#receive(message.data);
    });
    // `error` is always followed by `close`.
    socket.addEventListener('close', (event) => this.#closed(event.code));
  }

  #closed(code: number): void {
    this.#socket = null;
    for (const [id, waiting] of this.#waiting) {
      if (!waiting.sent && this.#state === 'connecting' && this.#failures < 3) continue;
      this.#waiting.delete(id);
      waiting.settle({ ok: false, error: LOST });
    }
    this.#failures += 1;
    // 1008 is a policy violation: the token is not the server's. Asking again cannot help.
    if (code === 1008) {
      this.#become('refused');
      return;
    }
    if (this.#everOpen || this.#failures >= 3) this.#become('lost');
    setTimeout(() => this.#connect(), RETRY_MS[Math.min(this.#failures, RETRY_MS.length) - 1]);
  }

  #flush(): void {
    if (this.#state !== 'open' || this.#socket === null) return;
    for (const waiting of this.#waiting.values()) {
      if (waiting.sent) continue;
      waiting.sent = true;
      this.#socket.send(waiting.frame);
    }
  }

  #receive(text: string): void {
    const frame = JSON.parse(text) as ServerFrame;
    if ('event' in frame) {
      for (const listener of this.#listeners.get(frame.event) ?? []) listener(frame.payload as never);
      return;
    }
    const waiting = this.#waiting.get(frame.id);
    this.#waiting.delete(frame.id);
    waiting?.settle(frame.result);
  }

  #become(state: LinkState): void {
    if (this.#state === state) return;
    this.#state = state;
    for (const listener of this.#linkListeners) listener(state);
  }
}

/** Stands where there is neither Electron nor a token: every request says what is missing. */
export class TokenlessBridge implements LinkedBridge {
  invoke<C extends RequestChannel>(): Promise<Result<Results[C]>> {
    return Promise.resolve({
      ok: false,
      error: {
        code: 'NOT_CONNECTED',
        message: 'This address has no token.',
        advice: 'Open the address that Brokerdesk printed when it started.',
      },
    });
  }

  on(): () => void {
    return () => undefined;
  }

  onLink(listener: (state: LinkState) => void): () => void {
    listener('refused');
    return () => undefined;
  }
}
