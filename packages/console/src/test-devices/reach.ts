/** Whether a phone can reach an address at all: one that means the machine itself is another machine on a phone. */
const OWN_MACHINE = /^(localhost|.*\.localhost|127(\.\d+){3}|0\.0\.0\.0|\[::1?\])$/i

/** False for what is no URL: the server says what is wrong with it. */
export function isOwnMachine(url: string): boolean {
  return URL.canParse(url) && OWN_MACHINE.test(new URL(url).hostname)
}
