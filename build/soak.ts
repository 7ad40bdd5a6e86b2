/** `npm run soak`: see `test/soak/main.ts`. */
await import('../test/soak/main.ts');
