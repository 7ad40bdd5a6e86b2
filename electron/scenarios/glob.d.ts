/** What the bundler makes of `import.meta.glob`; only the form that is used here. */
interface ImportMeta {
  glob(pattern: string, options: { query: '?raw'; eager: true; import: 'default' }): Record<string, string>;
}
