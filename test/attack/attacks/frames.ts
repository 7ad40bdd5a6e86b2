/** Frames that no client sends: noise, headers with noise behind them, lengths that lie. */
import { allApis } from '../../../electron/cluster/protocol/apis/index.ts';
import type { Random } from '../../../electron/cluster/lib/random.ts';
import type { Attack, AttackContext } from '../attack.ts';
import { sendAll } from '../wire.ts';

export const fuzz: Attack = {
  name: 'fuzz',
  summary: 'random frames, random bodies behind right headers, lengths that lie, on every port',
  async run(context) {
    const { target, quorumPorts } = context;
    const ports = [...target.brokerPorts, ...quorumPorts, ...target.zookeeperPorts];
    let frames = 0;
    while (!context.over()) {
      await Promise.all(
        ports.map(async (port) => {
          frames += await fuzzOnce(context, port);
        }),
      );
    }
    return `${frames} frames on ${ports.length} ports`;
  },
};

async function fuzzOnce({ sockets, random }: AttackContext, port: number): Promise<number> {
  const socket = await sockets.connect(port);
  if (socket === undefined) return 0;
  socket.resume();
  const count = 1 + random.int(20);
  for (let i = 0; i < count && !socket.destroyed; i++) await sendAll(socket, [oddFrame(random)], 500);
  socket.end();
  setTimeout(() => socket.destroy(), 200).unref();
  return count;
}

function oddFrame(random: Random): Buffer {
  const body = Buffer.from(random.bytes(random.int(400)));
  switch (random.int(5)) {
    case 0:
      return body;
    case 1:
      return withLength(body, body.length);
    case 2:
      return withLength(body, [-1, -2_147_483_648, 2_147_483_647, 104_857_601, 0][random.int(5)] ?? 0);
    default: {
      const api = allApis[random.int(allApis.length)] ?? allApis[0];
      const { minVersion: low, maxVersion: high } = api;
      const head = Buffer.alloc(14);
      head.writeInt16BE(api.key, 0);
      head.writeInt16BE(random.int(12) === 0 ? 32_000 : low + random.int(high - low + 1), 2);
      head.writeInt32BE(random.int(1_000), 4);
      head.writeInt16BE(4, 8);
      head.write('fuzz', 10);
      return withLength(Buffer.concat([head, body]), head.length + body.length);
    }
  }
}

function withLength(body: Buffer, length: number): Buffer {
  const prefix = Buffer.alloc(4);
  prefix.writeInt32BE(length);
  return Buffer.concat([prefix, body]);
}
