/** The app's services over an embedded cluster in this very process, as the desktop's main process has them. */
import { builtLoadWorker } from './built-load-worker.ts';
import { builtWorker } from './built-worker.ts';
import { startHost, type Host, type HostOptions } from '../../electron/app-host.ts';
import type { Result } from '../../shared/errors.ts';
import type { Payload, RequestChannel, Results } from '../../shared/ipc.ts';

export interface TestHost {
  host: Host;
  /** Lines of the app's log: a fault of ours is among them. */
  lines: string[];
  ask<C extends RequestChannel>(channel: C, payload: Payload<C>): Promise<Result<Results[C]>>;
  /** The value; throws where the request was refused. */
  get<C extends RequestChannel>(channel: C, payload: Payload<C>): Promise<Results[C]>;
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
  const ask: TestHost['ask'] = async (channel, payload) => (await host.invoke(channel, payload)) as Result<Results[typeof channel]>;
  return {
    host,
    lines,
    ask,
    async get(channel, payload) {
      const result = await ask(channel, payload);
      if (!result.ok) throw new Error(`${channel}: ${result.error.code}: ${result.error.message}`);
      return result.value;
    },
  };
}
