/** The built renderer's files, for web mode and for the desktop's `app://` alike. */
import { readFile } from 'node:fs/promises';
import { extname, join, normalize, sep } from 'node:path';
import { ownValue } from '#shared/own-value';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.json': 'application/json; charset=utf-8',
};

export interface StaticFile {
  bytes: Buffer;
  headers: Record<string, string>;
}

/** The file for a URL's path, with its headers; null when there is none under `root`. */
export async function readStatic(root: string, pathname: string, connectSources: string): Promise<StaticFile | null> {
  const relative = decodePath(pathname);
  const path = normalize(join(root, relative));
  if (relative.includes('\0') || !path.startsWith(normalize(root + sep))) return null;
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'EISDIR' || code === 'ENOTDIR' || code === 'ENAMETOOLONG') return null;
    throw error;
  }
  return {
    bytes,
    headers: {
      'content-type': ownValue(TYPES, extname(path)) ?? 'application/octet-stream',
      // File names of the build carry a hash of their content; the page itself does not.
      'cache-control': path.endsWith('.html') ? 'no-store' : 'max-age=31536000, immutable',
      'content-security-policy': contentSecurityPolicy(connectSources),
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    },
  };
}

function decodePath(pathname: string): string {
  if (pathname === '/') return '/index.html';
  try {
    return decodeURIComponent(pathname);
  } catch {
    // A lone % is no path of ours; it is looked up as it stands and not found.
    return pathname;
  }
}

/** Styles may be inline: the chart and the virtual tables position by style attributes. Scripts may not. */
function contentSecurityPolicy(connectSources: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self'",
    `connect-src ${connectSources}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
