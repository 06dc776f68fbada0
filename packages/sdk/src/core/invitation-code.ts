/** The code of an invitation: all that pages without one need of it. */

/** The code in the fragment of a page's URL; undefined when there is none. */
export function codeIn(fragment: string): string | undefined {
  return /[#&]roost-test=([\w-]+)/.exec(fragment)?.[1]
}
