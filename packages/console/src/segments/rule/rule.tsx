/** One rule: what it is about, how it is compared, and with what. */
import { Badge } from '@mantine/core'
import type { ReactElement } from 'react'
import { useTexts } from '../../i18n/language.tsx'
import { newLeaf, SUBJECTS, subjectOf } from '../kinds.ts'
import css from '../segments.module.css'
import type { Leaf, Rule } from '../tree.ts'
import { WordPick } from '../word-pick.tsx'
import { EventFields, MessageFields } from './behaviour.tsx'
import { ComparisonFields } from './comparison.tsx'
import { ListPick, SegmentPick } from './picks.tsx'

export interface RuleFieldsProps {
  readonly app: string
  readonly segment: string | undefined
  readonly rule: Rule
  readonly onRule: (given: Partial<Pick<Rule, 'isNot' | 'leaf'>>) => void
}

export function RuleFields({ app, segment, rule, onRule }: RuleFieldsProps): ReactElement {
  const t = useTexts('segments')
  const { leaf, isNot } = rule
  const subject = subjectOf(leaf)
  const onLeaf = (given: Leaf): void => onRule({ leaf: given })
  return (
    <>
      <WordPick
        className={css.subject}
        label={t('subject')}
        value={subject}
        words={SUBJECTS.map(value => ({ value, label: t(`subject.${value}`) }))}
        onWord={value => {
          if (value !== subject) onRule({ leaf: newLeaf(value), isNot: false })
        }}
      />
      {'event' in leaf ? (
        <>
          <DidOrNot isNot={isNot} onRule={onRule} texts={['did', 'didNot']} />
          <EventFields app={app} leaf={leaf} onLeaf={onLeaf} />
        </>
      ) : 'message' in leaf ? (
        <>
          <DidOrNot isNot={isNot} onRule={onRule} texts={['did', 'didNot']} />
          <MessageFields app={app} leaf={leaf} onLeaf={onLeaf} />
        </>
      ) : 'list' in leaf ? (
        <>
          <DidOrNot isNot={isNot} onRule={onRule} texts={['isIn', 'isNotIn']} />
          <ListPick app={app} leaf={leaf} onLeaf={onLeaf} />
        </>
      ) : 'segment' in leaf ? (
        <>
          <DidOrNot isNot={isNot} onRule={onRule} texts={['isIn', 'isNotIn']} />
          <SegmentPick app={app} segment={segment} leaf={leaf} onLeaf={onLeaf} />
        </>
      ) : (
        <>
          {isNot && (
            <Badge color="gray" variant="light" tt="none" size="lg">
              {t('not')}
            </Badge>
          )}
          <ComparisonFields app={app} leaf={leaf} onLeaf={onLeaf} />
        </>
      )}
    </>
  )
}

interface DidOrNotProps {
  readonly isNot: boolean
  readonly onRule: (given: Pick<Rule, 'isNot'>) => void
  readonly texts: readonly ['did', 'didNot'] | readonly ['isIn', 'isNotIn']
}

function DidOrNot({ isNot, onRule, texts: [yes, no] }: DidOrNotProps): ReactElement {
  const t = useTexts('segments')
  return (
    <WordPick
      className={css.operator}
      label={t('operator')}
      value={isNot ? 'no' : 'yes'}
      words={[
        { value: 'yes', label: t(yes) },
        { value: 'no', label: t(no) },
      ]}
      onWord={value => onRule({ isNot: value === 'no' })}
    />
  )
}
