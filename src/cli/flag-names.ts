/** The flag of a setting that the rooms below know by its own name: `maxFrameBytes` is `--max-frame-bytes`. */
export function flagOf(setting: string): string {
  return `--${setting.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
