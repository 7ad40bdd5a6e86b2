/**
 * Ports for the clusters of one test process, which no other test process uses, in this run or in another one: a cluster with a
 * broker down does not hold that broker's port, so "the first free port" of a second cluster could be it.
 *
 * A process (or worker thread) owns a block of ports by listening on the block's first one. The system releases it at its end.
 */
import { createServer } from 'node:net';

/** Below the ports of outgoing connections (32768 on Linux) and of `npm run scenario` (20000). */
const FIRST_BLOCK = 12_000;
const BLOCKS = 26;
/** Brokers listen in the first hundred, their quorum in the second, ZooKeeper in the third, as `--port` puts them. */
const BLOCK_PORTS = 300;
const CLUSTER_PORTS = 10;
const CLUSTERS = 9;

const block = await claimBlock();
let clusters = 0;

/** The first port of a new cluster of up to nine brokers. The tenth call gives the first cluster's ports again. */
export function somePort(): number {
  return block + 1 + CLUSTER_PORTS * (clusters++ % CLUSTERS);
}

async function claimBlock(): Promise<number> {
  for (let i = 0; i < BLOCKS; i++) {
    const port = FIRST_BLOCK + BLOCK_PORTS * ((process.pid + i) % BLOCKS);
    if (await holdPort(port)) return port;
  }
  throw new Error(`All ${BLOCKS} blocks of test ports from ${FIRST_BLOCK} up are in use.`);
}

/** Resolves to false when another process listens on it. */
function holdPort(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const guard = createServer((socket) => socket.destroy());
    guard.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(false);
      else reject(error);
    });
    guard.listen({ host: '127.0.0.1', port, exclusive: true }, () => {
      guard.unref();
      resolve(true);
    });
  });
}
