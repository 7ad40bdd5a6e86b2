/** The app's services over an embedded cluster in this very process, as the desktop's main process has them. */
import { builtLoadWorker } from './built-load-worker.ts';
import { builtWorker } from './built-worker.ts';
import { startHost, type Host, type HostOptions } from '../../electron/app-host.ts';
import type { Result } from '../../shared/errors.ts';
import type { RequestChannel, Results } from '../../shared/ipc.ts';
import type { ClientSession, Deliver } from '../../electron/services/client-session.ts';
import { EMBEDDED, onEmbedded, type TestPayload } from './embedded-payload.ts';

export interface TestHost {
  host: Host;
  /** Lines of the app's log: a fault of ours is among them. */
  lines: string[];
  /** The client that asks; it has selected the embedded cluster. */
  client: ClientSession;
  /** The next client, of which `deliver` gets the events. */
  connect(deliver?: Deliver): TestClient;
  ask<C extends RequestChannel>(channel: C, payload: TestPayload<C>): Promise<Result<Results[C]>>;
  /** The value; throws where the request was refused. */
  get<C extends RequestChannel>(channel: C, payload: TestPayload<C>): Promise<Results[C]>;
}

export interface TestClient {
  session: ClientSession;
  /** The payload as it is: nothing is added. */
  raw(channel: string, payload: unknown): Promise<Result<unknown>>;
}

export async function startTestHost(brokers: number, more: Partial<HostOptions> = {}): Promise<TestHost> {
  const lines: string[] = [];
  const host = startHost({
    mode: 'web',
    version: '0',
    brokers,
    dataDirectory: null,
    userDirectory: null,
    workerPath: builtWorker(),
    loadWorkerPath: builtLoadWorker(),
    log: (line) => lines.push(line),
    ...more,
  });
  const reason = await host.started;
  if (reason !== null) throw new Error(reason);
  const connect: TestHost['connect'] = (deliver = () => undefined) => {
    const session = host.services.connections.connect(deliver);
    return { session, raw: (channel, payload) => host.invoke(session, channel, payload) };
  };
  const client = connect().session;
  client.use(EMBEDDED);
  const ask: TestHost['ask'] = async (channel, payload) =>
    (await host.invoke(client, channel, onEmbedded(payload))) as Result<Results[typeof channel]>;
  return {
    host,
    lines,
    client,
    connect,
    ask,
    async get(channel, payload) {
      const result = await ask(channel, payload);
      if (!result.ok) throw new Error(`${channel}: ${result.error.code}: ${result.error.message}`);
      return result.value;
    },
  };
}
