/** An eye on the tree that is not ours: node-zookeeper-client in a process of its own, asked one question a line. */
import { spawn, type ChildProcess } from 'node:child_process';
import { resolve } from 'node:path';

const CLIENT = resolve(import.meta.dirname, '../../node_modules/node-zookeeper-client');
const ANSWER_MS = 20_000;

export interface SeenZnode {
  data: string;
  version: number;
  /** `0x…`; `0x0` for a persistent one. */
  owner: string;
}

export class ZooKeeperObserver {
  private readonly child: ChildProcess;
  private readonly waiting: ((line: string) => void)[] = [];

  /** `servers` as `host:port,host:port`. */
  constructor(servers: string) {
    this.child = spawn(process.execPath, ['-e', SCRIPT, CLIENT, servers], { stdio: ['pipe', 'pipe', 'inherit'] });
    let out = '';
    this.child.stdout?.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      const lines = out.split('\n');
      out = lines.pop() ?? '';
      for (const line of lines) this.waiting.shift()?.(line);
    });
  }

  /** Null where there is no such node. */
  get(path: string): Promise<SeenZnode | null> {
    return this.ask<SeenZnode | null>(['get', path]);
  }

  /** Null where there is no such node. */
  children(path: string): Promise<string[] | null> {
    return this.ask<string[] | null>(['children', path]);
  }

  /** Creates a node, or changes the data of an existing one. */
  put(path: string, data: string): Promise<null> {
    return this.ask<null>(['put', path, data]);
  }

  remove(path: string): Promise<null> {
    return this.ask<null>(['remove', path]);
  }

  async close(): Promise<void> {
    const ended = new Promise((done) => this.child.once('exit', done));
    this.child.stdin?.end();
    await ended;
  }

  private ask<T>(question: string[]): Promise<T> {
    return new Promise((done, fail) => {
      const timer = setTimeout(() => fail(new Error(`node-zookeeper-client did not answer ${question.join(' ')}`)), ANSWER_MS);
      this.waiting.push((line) => {
        clearTimeout(timer);
        const { value, error } = JSON.parse(line) as { value: T; error?: string };
        if (error === undefined) done(value);
        else fail(new Error(error));
      });
      this.child.stdin?.write(`${JSON.stringify(question)}\n`);
    });
  }
}

const SCRIPT = `
const zookeeper = require(process.argv[1]);
const client = zookeeper.createClient(process.argv[2], { sessionTimeout: 10000, spinDelay: 200, retries: 5 });
const call = (name, ...args) => new Promise((done, fail) => client[name](...args, (error, ...rest) => error ? fail(error) : done(rest)));
const connected = new Promise((done) => client.once('connected', done));
const NO_NODE = zookeeper.Exception.NO_NODE;
const ask = {
  async get(path) {
    const [data, stat] = await call('getData', path);
    return { data: (data ?? '').toString(), version: stat.version, owner: '0x' + stat.ephemeralOwner.toString('hex').replace(/^0+(?=.)/, '') };
  },
  async children(path) { return (await call('getChildren', path))[0].sort(); },
  async put(path, data) {
    if ((await call('exists', path))[0]) await call('setData', path, Buffer.from(data), -1);
    else await call('create', path, Buffer.from(data));
    return null;
  },
  async remove(path) { await call('remove', path, -1); return null; },
};
let queue = connected;
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const [verb, ...rest] = JSON.parse(line);
  queue = queue.then(async () => {
    for (let left = 40; ; left--) {
      try { return { value: await ask[verb](...rest) }; }
      catch (error) {
        if (error.code === NO_NODE) return { value: null };
        if (error.code !== zookeeper.Exception.CONNECTION_LOSS || left === 0) return { error: String(error) };
        await new Promise((done) => setTimeout(done, 250));
      }
    }
  }).then((answer) => console.log(JSON.stringify(answer)));
}).on('close', () => { client.close(); setTimeout(() => process.exit(0), 300); });
client.connect();
`;
