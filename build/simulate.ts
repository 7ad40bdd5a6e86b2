/** `npm run simulate`: see `test/simulation/main.ts`. */
await import('../test/simulation/main.ts');
