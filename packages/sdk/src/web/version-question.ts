/** What the page asks its service worker, which answers with the version of the SDK that it was made of. */
export const VERSION_QUESTION = 'roost-version'
