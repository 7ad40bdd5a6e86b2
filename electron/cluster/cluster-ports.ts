/** Finds free TCP ports. */
import { createServer } from 'node:net';
import { ClusterError } from './cluster-errors.ts';

/** Finds a free port from `first` up that is not in `taken`, and adds it there; 0 asks for any. */
export type FindPort = (host: string, first: number, taken: Set<number>) => Promise<number>;

/** The port, if the process can listen on it (0: any port), else undefined. */
export function probe(host: string, port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(undefined);
      else reject(new ClusterError('NO_FREE_PORT', `cannot listen on ${host}: ${error.message}`, { cause: error }));
    });
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      const bound = address !== null && typeof address === 'object' ? address.port : port;
      server.close(() => resolve(bound));
    });
  });
}

/** The first free port from `first` up that is not in `taken`; adds it there. 0: any port. */
export async function freePort(host: string, first: number, taken: Set<number>): Promise<number> {
  for (let port = first; port <= 65_535; port = first === 0 ? 0 : port + 1) {
    if (taken.has(port)) continue;
    const found = await probe(host, port);
    if (found === undefined || taken.has(found)) continue;
    taken.add(found);
    return found;
  }
  throw new ClusterError('NO_FREE_PORT', `no port from ${first} up is free on ${host}`);
}
