/** Nodes of Apache Kafka, each broker and controller, from the jars in KAFKA_JARS: the judge of what we answer. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { somePort } from './cluster-process.ts';
import { accepts, until } from './processes.ts';
import { runOk } from './run.ts';

const JAVA = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx512m'];
const CLUSTER_ID = 'judge0000000000000000w';
const HOST = '127.0.0.1';
/** Ports of brokers follow each other, those of controllers come after all of them. */
const MAX_NODES = 4;
const KEPT_LINES = 500;

interface Place {
  readonly classPath: readonly string[];
  /** File of its settings. */
  readonly properties: string;
  readonly port: number;
}

/** One node: a process that can be killed, suspended and started again. */
class KafkaNode {
  readonly port: number;
  private readonly place: Place;
  private readonly log: string[] = [];
  private child: ChildProcess | undefined;

  constructor(place: Place) {
    this.place = place;
    this.port = place.port;
  }

  async format(): Promise<void> {
    const { classPath, properties } = this.place;
    await runOk('java', [...JAVA, ...classPath, 'kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', properties]);
  }

  /** Resolves once the broker accepts connections; requests may still be answered with errors that pass. */
  async start(): Promise<void> {
    const { classPath, properties } = this.place;
    const child = spawn('java', [...JAVA, ...classPath, 'kafka.Kafka', properties], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        this.log.push(chunk.toString());
        if (this.log.length > KEPT_LINES) this.log.shift();
      });
    }
    await until('Apache Kafka accepts connections', 90_000, () => {
      if (child.exitCode !== null) throw new Error(`Apache Kafka exited with ${child.exitCode}:\n${this.log.join('')}`);
      return accepts(HOST, this.port);
    });
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    const { child } = this;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  /** SIGSTOP: the kernel still accepts its connections. */
  suspend(): void {
    this.child?.kill('SIGSTOP');
  }

  resume(): void {
    this.child?.kill('SIGCONT');
  }
}

export class ApacheKafka {
  /** Of the first node. */
  readonly port: number;
  readonly bootstrap: readonly string[];
  private readonly jars: string;
  private readonly directory: string;
  private readonly nodes: readonly KafkaNode[];

  private constructor(jars: string, directory: string, nodes: readonly KafkaNode[]) {
    this.jars = jars;
    this.directory = directory;
    this.nodes = nodes;
    this.port = nodes[0]?.port ?? -1;
    this.bootstrap = nodes.map(({ port }) => `${HOST}:${port}`);
  }

  /** `settings`: as in server.properties, of every node. Resolves once every broker accepts connections. */
  static async start(jars: string, options: { nodes?: number; settings?: Readonly<Record<string, string>> } = {}): Promise<ApacheKafka> {
    const { nodes: count = 1, settings = {} } = options;
    if (count >= MAX_NODES) throw new Error(`${count} nodes do not fit into the ports of one cluster`);
    const directory = mkdtempSync(join(tmpdir(), 'brokerdesk-kafka-'));
    const classPath = ['-cp', `${jars}/*`];
    const firstPort = somePort();
    const ids = Array.from({ length: count }, (_, index) => index + 1);
    const controllerPort = (id: number): number => firstPort + MAX_NODES + id - 1;
    const replicas = String(Math.min(3, count));
    const kafka = new ApacheKafka(
      jars,
      directory,
      ids.map((id) => {
        const port = firstPort + id - 1;
        const properties = join(directory, `server-${id}.properties`);
        const lines: Record<string, string> = {
          'process.roles': 'broker,controller',
          'node.id': String(id),
          'controller.quorum.voters': ids.map((voter) => `${voter}@${HOST}:${controllerPort(voter)}`).join(','),
          listeners: `PLAINTEXT://${HOST}:${port},CONTROLLER://${HOST}:${controllerPort(id)}`,
          'controller.listener.names': 'CONTROLLER',
          'log.dirs': join(directory, `data-${id}`),
          'auto.create.topics.enable': 'false',
          'offsets.topic.replication.factor': replicas,
          'transaction.state.log.replication.factor': replicas,
          'transaction.state.log.min.isr': String(Math.min(2, count)),
          ...settings,
        };
        writeFileSync(properties, Object.entries(lines).map(([name, value]) => `${name}=${value}`).join('\n')); // prettier-ignore
        return new KafkaNode({ classPath, properties, port });
      }),
    );
    try {
      await Promise.all(kafka.nodes.map((node) => node.format()));
      await Promise.all(kafka.nodes.map((node) => node.start()));
    } catch (error) {
      await kafka.stop();
      throw error;
    }
    return kafka;
  }

  /** By the id of its broker. */
  node(id: number): KafkaNode {
    const node = this.nodes[id - 1];
    if (node === undefined) throw new Error(`there is no node ${id}`);
    return node;
  }

  /** A tool of Apache Kafka beside it. The caller ends it. */
  spawnTool(className: string, args: readonly string[]): ChildProcess {
    return spawn('java', [...JAVA, '-cp', `${this.jars}/*`, className, ...args], { stdio: ['ignore', 'ignore', 'ignore'] });
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill()));
    rmSync(this.directory, { recursive: true, force: true });
  }
}
