/** Meaning of a colour on the screen; the styles define the colours themselves. */
export type Tone = 'none' | 'ok' | 'warn' | 'bad' | 'control' | 'flow' | 'accent';
