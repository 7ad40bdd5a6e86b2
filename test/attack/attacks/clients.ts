/** Clients that do not keep up, or come in crowds. */
import { apiVersions } from '../../../electron/cluster/protocol/apis/api-versions.ts';
import { fetch } from '../../../electron/cluster/protocol/apis/fetch.ts';
import { metadata } from '../../../electron/cluster/protocol/apis/metadata.ts';
import type { Attack, AttackContext } from '../attack.ts';
import { DESCRIPTORS } from '../target.ts';
import { requestBytes, sendAll } from '../wire.ts';
import { pause } from '../../../shared/waiting.ts';

async function untilOver(context: AttackContext): Promise<void> {
  while (!context.over()) await pause(50);
}

export const slowReaders: Attack = {
  name: 'slow-readers',
  summary: '40 clients fetch 55 MB each and read nothing',
  async run(context) {
    const { sockets, bulk } = context;
    const request = requestBytes(fetch, 11, {
      maxWaitMs: 0,
      minBytes: 0,
      maxBytes: 55 * 1024 * 1024,
      topics: [{ topic: bulk.topic, partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 55 * 1024 * 1024 }] }],
    });
    let connections = 0;
    for (; connections < 40 && !context.over(); connections++) {
      const socket = await sockets.connect(bulk.leaderPort);
      if (socket !== undefined) await sendAll(socket, [request, request], 1_000);
    }
    await untilOver(context);
    return `${connections} connections`;
  },
};

export const slowWriters: Attack = {
  name: 'slow-writers',
  summary: '60 connections to each broker send frames of 1 MiB a byte at a time',
  async run(context) {
    const { sockets, target } = context;
    const head = Buffer.from([0, 0x10, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1, 0xff, 0xff]);
    const ports = target.brokerPorts.flatMap((port) => new Array<number>(60).fill(port));
    const open = (await Promise.all(ports.map((port) => sockets.connect(port)))).filter((socket) => socket !== undefined);
    for (const socket of open) socket.write(head);
    while (!context.over()) {
      for (const socket of open) if (!socket.destroyed) socket.write(Buffer.alloc(1));
      await pause(50);
    }
    return `${open.length} connections`;
  },
};

export const idle: Attack = {
  name: 'idle-connections',
  summary: `more idle connections than the process has descriptors (${DESCRIPTORS}), on every port`,
  async run(context) {
    const { sockets, target, quorumPorts } = context;
    const control = Number(new URL(target.line.control ?? 'http://127.0.0.1:1').port);
    const ports = [...target.brokerPorts, ...quorumPorts, ...target.zookeeperPorts, control];
    const count = Math.ceil((1.5 * DESCRIPTORS) / ports.length);
    for (let i = 0; i < count && !context.over(); i++) await Promise.all(ports.map((port) => sockets.connect(port)));
    const open = sockets.size;
    await untilOver(context);
    return `${count * ports.length} connections, ${open} open at once`;
  },
};

export const flood: Attack = {
  name: 'flood',
  summary: 'pipelined requests whose answers are not read, and connections that come and go',
  async run(context) {
    const { sockets, target } = context;
    const block = Buffer.concat(
      new Array<undefined>(200)
        .fill(undefined)
        .flatMap((_, i) => [
          requestBytes(apiVersions, 0, {}, i),
          requestBytes(metadata, 8, { topics: null, allowAutoTopicCreation: false }, i),
        ]),
    );
    let connections = 0;
    const lanes = target.brokerPorts.flatMap((port) => new Array<number>(8).fill(port));
    await Promise.all(
      lanes.map(async (port, lane) => {
        while (!context.over()) {
          const socket = await sockets.connect(port);
          if (socket === undefined) continue;
          connections++;
          // Every second lane never reads, and stays; the others come and go.
          if (lane % 2 === 0) await sendAll(socket, new Array<Buffer>(50).fill(block), Math.min(2_000, context.forMs));
          else {
            socket.write(block.subarray(0, 1_000));
            await pause(5);
          }
          socket.destroy();
        }
      }),
    );
    return `${connections} connections`;
  },
};
