/** One of a few words, chosen from the list or by typing the beginning of it: what stands in the field gives way to what is typed. */
import { Select } from '@mantine/core'
import type { ReactElement, SyntheticEvent } from 'react'

export interface WordPickProps<Word extends string> {
  readonly label: string
  readonly className?: string | undefined
  readonly value: Word
  readonly words: readonly { readonly value: Word; readonly label: string }[]
  readonly onWord: (word: Word) => void
}

export function WordPick<Word extends string>(props: WordPickProps<Word>): ReactElement {
  const { label, className, value, words, onWord } = props
  return (
    <Select
      size="xs"
      aria-label={label}
      {...(className !== undefined && { className })}
      value={value}
      data={[...words]}
      searchable
      selectFirstOptionOnChange
      allowDeselect={false}
      // a click sets the cursor after the focus has come
      onFocus={selectAll}
      onClick={selectAll}
      onChange={given => {
        const word = words.find(each => each.value === given)
        if (word) onWord(word.value)
      }}
    />
  )
}

function selectAll({ currentTarget }: SyntheticEvent<HTMLInputElement>): void {
  currentTarget.select()
}
