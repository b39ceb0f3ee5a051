/**
 * The commands of a shell's text, each as its words (POSIX.1, Shell Command Language, 2.2 and 2.3): quotes, backslashes, continued
 * lines and comments. Variables and substitutions stay as they are written.
 */
export function shellCommands(text: string): string[][] {
  const commands: string[][] = [];
  let words: string[] = [];
  let word: string | undefined;
  const endWord = (): void => {
    if (word !== undefined) words.push(word);
    word = undefined;
  };
  const endCommand = (): void => {
    endWord();
    if (words.length > 0) commands.push(words);
    words = [];
  };
  for (let at = 0; at < text.length; at++) {
    const character = text[at] as string;
    if (character === "\\") {
      const next = text[at + 1] === "\r" ? "\n" : text[at + 1];
      at += text[at + 1] === "\r" ? 2 : 1;
      if (next !== "\n" && next !== undefined) word = (word ?? "") + next;
    } else if (character === "'" || character === '"') {
      const end = closing(text, at);
      const inside = text.slice(at + 1, end);
      word =
        (word ?? "") + (character === "'" ? inside : inside.replace(/\\([\\"$`\n])/g, (_, c) => (c === "\n" ? "" : c)));
      at = end;
    } else if (character === "#" && word === undefined && words.length > 0) {
      at = endOfLine(text, at) - 1;
    } else if ("\n;&|".includes(character)) endCommand();
    else if (/\s/.test(character)) endWord();
    else word = (word ?? "") + character;
  }
  endCommand();
  return commands;
}

/** The place of the quote that closes the one here, or the text's end. */
function closing(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\" && text[start] === '"') at++;
    else if (text[at] === text[start]) return at;
  }
  return text.length;
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end < 0 ? text.length : end;
}
