/** Saves a file as a download of the browser or of Electron's window. */
export function saveJson(name: string, content: unknown): void {
  saveText(name, `${JSON.stringify(content, null, 2)}\n`, 'application/json');
}

export function saveText(name: string, content: string, type: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The download has taken its own hold of it by then.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
