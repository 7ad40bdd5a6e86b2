/** The only recursive removal by the build scripts: of build results in `out`. */
import { rmSync } from 'node:fs';
import { isAbsolute, relative, resolve } from 'node:path';

/** Removes `path` if it is absent or strictly below `out`. Throws for any other path, `out` itself included. */
export function removeBuilt(out: string, path: string): void {
  const inside = relative(resolve(out), resolve(path));
  if (inside === '' || inside === '..' || /^\.\.[\\/]/.test(inside) || isAbsolute(inside)) {
    throw new Error(`${path} is not below ${out}, so it is not removed`);
  }
  rmSync(resolve(path), { recursive: true, force: true });
}
