/** How good something is, for its colour; words always say it, too. */
export type Tone = 'good' | 'busy' | 'plain' | 'warning' | 'bad'
