/**
 * Names as they are shown and typed. A group, member or client id may be empty, begin or end with a blank, or hold characters that cannot be
 * seen or typed, or that reverse the text around them. Such a name is shown in an escaped form, which no other name has.
 */

/** Controls, formats (bidirectional ones among them), separators other than one blank, and characters that are drawn as nothing. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|(?! )\p{Zs}/u;
const EMPTY = '""';
const SHORT: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\\', '\\\\'],
]);

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return SHORT.get(character) ?? (code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`);
}

/** The name on one line, in characters that can be seen and typed; an ordinary name is its own. */
export function escapeName(name: string): string {
  if (name === '') return EMPTY;
  if (name === EMPTY) return '\\"\\"';
  const characters = Array.from(name);
  return characters
    .map((character, index) => {
      // HTML shows several blanks as one, and none at the ends.
      const isLost = character === ' ' && (index === 0 || index === characters.length - 1 || characters[index - 1] === ' ');
      return isLost || character === '\\' || HIDDEN.test(character) ? escapeCharacter(character) : character;
    })
    .join('');
}

/** True when what was typed confirms the name: the name itself, or its escaped form. */
export function confirmsName(typed: string, name: string): boolean {
  return typed === name ? name !== '' : typed === escapeName(name);
}
