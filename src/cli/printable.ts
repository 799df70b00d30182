/** A message without what a terminal might obey: it may repeat what stands in a file. */
export function printable(message: string): string {
  return message.replace(/[^\P{Cc}\n\t]/gu, '\uFFFD');
}
