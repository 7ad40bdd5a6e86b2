/** Says so when npm's scripts run on another Node than the one that `npm ci` puts into node_modules/.bin. */
export function requireNode24(): void {
  const major = Number(process.versions.node.split('.')[0]);
  if (major >= 24) return;
  process.stderr.write(
    `Brokerdesk's scripts need Node 24 and this is Node ${process.versions.node}.\n` +
      `"npm ci" installs it into node_modules/.bin; it did not run its install scripts (was --ignore-scripts set?).\n` +
      `Run "npm ci --ignore-scripts=false", or install Node 24 yourself.\n`,
  );
  process.exit(1);
}
