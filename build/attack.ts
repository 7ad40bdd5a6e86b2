/** `npm run attack`: see `test/attack/main.ts`. */
await import('../test/attack/main.ts');
