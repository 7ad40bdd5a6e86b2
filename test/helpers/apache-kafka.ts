/** One node of Apache Kafka, broker and controller, from the jars in KAFKA_JARS: the judge of what we answer. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { somePort } from './cluster-process.ts';
import { accepts, until } from './processes.ts';
import { runOk } from './run.ts';

const JAVA = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx512m'];

export class ApacheKafka {
  readonly port: number;
  private readonly directory: string;
  private readonly child: ChildProcess;

  private constructor(port: number, directory: string, child: ChildProcess) {
    this.port = port;
    this.directory = directory;
    this.child = child;
  }

  /** Resolves once the broker accepts connections; requests may still be answered with errors that pass. */
  static async start(jars: string): Promise<ApacheKafka> {
    const directory = mkdtempSync(join(tmpdir(), 'brokerdesk-kafka-'));
    const port = somePort();
    const properties = join(directory, 'server.properties');
    writeFileSync(
      properties,
      [
        'process.roles=broker,controller',
        'node.id=1',
        `controller.quorum.voters=1@127.0.0.1:${port + 1}`,
        `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${port + 1}`,
        'controller.listener.names=CONTROLLER',
        `log.dirs=${join(directory, 'data')}`,
        'auto.create.topics.enable=false',
        'offsets.topic.replication.factor=1',
        'transaction.state.log.replication.factor=1',
        'transaction.state.log.min.isr=1',
      ].join('\n'),
    );
    const classPath = ['-cp', `${jars}/*`];
    await runOk('java', [...JAVA, ...classPath, 'kafka.tools.StorageTool', 'format', '-t', 'judge0000000000000000w', '-c', properties]);
    const log: string[] = [];
    const child = spawn('java', [...JAVA, ...classPath, 'kafka.Kafka', properties], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        log.push(chunk.toString());
        if (log.length > 500) log.shift();
      });
    }
    const node = new ApacheKafka(port, directory, child);
    try {
      await until('Apache Kafka accepts connections', 60_000, () => {
        if (child.exitCode !== null) throw new Error(`Apache Kafka exited with ${child.exitCode}:\n${log.join('')}`);
        return accepts('127.0.0.1', port);
      });
    } catch (error) {
      await node.stop();
      throw error;
    }
    return node;
  }

  async stop(): Promise<void> {
    const { child } = this;
    if (child.exitCode === null && child.signalCode === null) {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}
