/** A long id as people tell it from others at a glance: its beginning and its end. */

const CHARACTERS_MAX = 18
const BEGINNING = 8
const END = 6

/** Short ones stay whole. */
export function shortened(id: string): string {
  const characters = [...id]
  if (characters.length <= CHARACTERS_MAX) return id
  return `${characters.slice(0, BEGINNING).join('')}…${characters.slice(-END).join('')}`
}
