/** `npm run simulate`: see `test/simulation/main.ts`. */
const { onParentEnd } = await import('../electron/cli/parent-watch.ts');

onParentEnd((pid) => {
  process.stderr.write(`Process ${pid}, which started this one, has ended.\n`);
  process.exit(1);
});
await import('../test/simulation/main.ts');
