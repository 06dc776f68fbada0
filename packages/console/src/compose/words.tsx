/** Title, subtitle and text, in one language for all and in others beside it; and the variables in them. */
import {
  ActionIcon,
  Badge,
  Button,
  Chip,
  Group,
  Menu,
  Stack,
  Switch,
  Text,
  Textarea,
  TextInput,
} from '@mantine/core'
import { type ReactElement, useRef, useState } from 'react'
import { useTexts } from '../i18n/language.tsx'
import { Panel } from '../parts/page.tsx'
import { useSuggestedNames, useSuggestedValues } from './calls.ts'
import css from './compose.module.css'
import { type ContentDraft, EMPTY_WORDS, type LanguageDraft, type Words } from './draft.ts'
import { Line, useFaultAt } from './field.tsx'
import { useLanguageName } from './language-name.ts'
import { contentIn } from './request.ts'
import { sourceOf, variableOfTag, variablesIn, WORD_FIELDS } from './resolve.ts'

const ALL = ''

export interface WordsProps {
  readonly app: string
  readonly content: ContentDraft
  readonly onChange: (given: Partial<ContentDraft>) => void
  /** The language whose look is shown beside the form. */
  readonly language: string
  readonly onLanguage: (language: string) => void
}

export function WordsPanel(props: WordsProps): ReactElement {
  const t = useTexts('compose')
  const { content, onChange } = props
  return (
    <Panel
      title={t('content')}
      aside={
        <Switch
          label={t('silent')}
          checked={content.isSilent}
          onChange={event => onChange({ isSilent: event.currentTarget.checked })}
        />
      }
    >
      {content.isSilent ? (
        <Text size="sm" c="dimmed">
          {t('silent.hint')}
        </Text>
      ) : (
        <Stack gap="md">
          <Languages {...props} />
          <Defaults content={content} onChange={onChange} />
        </Stack>
      )}
    </Panel>
  )
}

function Languages(props: WordsProps): ReactElement {
  const t = useTexts('compose')
  const nameOf = useLanguageName()
  const faultAt = useFaultAt()
  const isWrong = (tag: string): boolean =>
    WORD_FIELDS.some(field => faultAt(`content.languages.${tag}.${field}`) !== undefined)
  const { content, onChange, language, onLanguage } = props
  const { languages, words } = content
  const at = languages.findIndex(it => it.language === language)
  const chosen = languages[at]
  const setWords = (given: Partial<Words>): void => onChange({ words: { ...words, ...given } })
  const setLanguage = (given: LanguageDraft): void => onChange({ languages: languages.with(at, given) })
  return (
    <>
      <Group gap="xs" align="center" wrap="wrap">
        <Chip.Group value={chosen ? language : ALL} onChange={onLanguage}>
          <Group gap={6} role="radiogroup" aria-label={t('languages')}>
            <Chip value={ALL} size="sm">
              {t('language.all')}
            </Chip>
            {languages.map(it => (
              <Chip
                key={it.language}
                value={it.language}
                size="sm"
                {...(isWrong(it.language) && { color: 'red', variant: 'light' })}
              >
                {nameOf(it.language)}
                {isWrong(it.language) && ` – ${t('language.wrong')}`}
              </Chip>
            ))}
          </Group>
        </Chip.Group>
        <AddLanguage {...props} />
      </Group>
      <div className={css.columns} data-single={!chosen || undefined}>
        <fieldset className={css.plain} aria-label={t('language.all')}>
          {chosen && <div className={css.columnTitle}>{t('language.all')}</div>}
          <WordFields app={props.app} words={words} place="content" onChange={setWords} />
        </fieldset>
        {chosen && (
          <fieldset className={css.plain} aria-label={nameOf(chosen.language)}>
            <Group justify="space-between" className={css.columnTitle} wrap="nowrap">
              <span>{nameOf(chosen.language)}</span>
              <ActionIcon
                variant="subtle"
                color="gray"
                size="sm"
                aria-label={t('language.remove', { language: nameOf(chosen.language) })}
                onClick={() => {
                  onLanguage(ALL)
                  onChange({ languages: languages.toSpliced(at, 1) })
                }}
              >
                ×
              </ActionIcon>
            </Group>
            <WordFields
              app={props.app}
              words={chosen.words}
              place={`content.languages.${chosen.language}`}
              content={content}
              language={chosen.language}
              onChange={given => setLanguage({ ...chosen, words: { ...chosen.words, ...given } })}
            />
          </fieldset>
        )}
      </div>
    </>
  )
}

function AddLanguage({ app, content, onChange, onLanguage }: WordsProps): ReactElement {
  const t = useTexts('compose')
  const nameOf = useLanguageName()
  const [typed, setTyped] = useState('')
  const [isOpen, setOpen] = useState(false)
  const { data } = useSuggestedValues(app, 'language')
  const has = new Set(content.languages.map(it => it.language.toLowerCase()))
  const offered = (data?.values ?? []).map(it => String(it.value)).filter(it => !has.has(it.toLowerCase()))
  const isLanguage = /^[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8})*$/.test(typed.trim())
  const add = (given: string): void => {
    const language = given.trim().replaceAll('_', '-')
    if (!has.has(language.toLowerCase()))
      onChange({ languages: [...content.languages, { language, words: EMPTY_WORDS }] })
    onLanguage(language)
    setTyped('')
    setOpen(false)
  }
  return (
    <Menu position="bottom-start" shadow="md" opened={isOpen} onChange={setOpen} trapFocus>
      <Menu.Target>
        <Button size="xs" variant="default">
          {t('language.add')}
        </Button>
      </Menu.Target>
      <Menu.Dropdown maw={300}>
        {offered.slice(0, 8).map(tag => (
          <Menu.Item key={tag} onClick={() => add(tag)}>
            {nameOf(tag)}
          </Menu.Item>
        ))}
        {offered.length > 0 && <Menu.Divider />}
        <form
          style={{ display: 'flex', gap: 8, padding: 8, alignItems: 'flex-end' }}
          onSubmit={event => {
            event.preventDefault()
            if (isLanguage) add(typed)
          }}
        >
          <TextInput
            size="xs"
            label={t('language.code')}
            placeholder="pt-BR"
            value={typed}
            onChange={event => setTyped(event.currentTarget.value)}
            onKeyDown={event => event.stopPropagation()}
          />
          <Button size="xs" type="submit" disabled={!isLanguage}>
            {t('add')}
          </Button>
        </form>
      </Menu.Dropdown>
    </Menu>
  )
}

interface WordFieldsProps {
  readonly app: string
  readonly words: Words
  readonly place: string
  /** Of another language than that for all: what it falls back to. */
  readonly content?: ContentDraft
  readonly language?: string
  readonly onChange: (given: Partial<Words>) => void
}

function WordFields({ app, words, place, content, language, onChange }: WordFieldsProps): ReactElement {
  const t = useTexts('compose')
  const fallback = useFallback(content, language)
  return (
    <Stack gap="sm">
      <WordField
        app={app}
        label={t('field.title')}
        value={words.title}
        place={`${place}.title`}
        fallback={words.title === '' ? fallback('title') : undefined}
        onValue={title => onChange({ title })}
      />
      <WordField
        app={app}
        label={t('field.subtitle')}
        description={t('field.subtitle.hint')}
        value={words.subtitle}
        place={`${place}.subtitle`}
        fallback={words.subtitle === '' ? fallback('subtitle') : undefined}
        onValue={subtitle => onChange({ subtitle })}
      />
      <WordField
        app={app}
        label={t('field.body')}
        isLong
        value={words.body}
        place={`${place}.body`}
        fallback={words.body === '' ? fallback('body') : undefined}
        onValue={body => onChange({ body })}
      />
      {language !== undefined && (
        <>
          <Line
            label={t('field.image')}
            value={words.image}
            place={`${place}.image`}
            onValue={image => onChange({ image })}
          />
          <Line
            label={t('field.url')}
            value={words.url}
            place={`${place}.url`}
            onValue={url => onChange({ url })}
          />
        </>
      )}
    </Stack>
  )
}

/** What stands in for a text that a language leaves out. */
function useFallback(
  content: ContentDraft | undefined,
  language: string | undefined,
): (field: 'title' | 'subtitle' | 'body') => string | undefined {
  const t = useTexts('compose')
  const nameOf = useLanguageName()
  return field => {
    if (content === undefined || language === undefined) return undefined
    const source = sourceOf(contentIn(content), language, field)
    if (source === 'all') return t('fallback.all')
    return typeof source === 'object'
      ? t('fallback.language', { language: nameOf(source.language) })
      : undefined
  }
}

interface WordFieldProps {
  readonly app: string
  readonly label: string
  readonly description?: string
  readonly value: string
  readonly place: string
  readonly isLong?: boolean
  readonly fallback: string | undefined
  readonly onValue: (value: string) => void
}

/** A text with a menu of variables, which go where the cursor is. */
function WordField(props: WordFieldProps): ReactElement {
  const { app, label, description, value, place, isLong = false, fallback, onValue } = props
  const input = useRef<HTMLTextAreaElement>(null)
  const faultAt = useFaultAt()
  const insert = (variable: string): void => {
    const from = input.current?.selectionStart ?? value.length
    const to = input.current?.selectionEnd ?? value.length
    onValue(`${value.slice(0, from)}{{ ${variable} }}${value.slice(to)}`)
  }
  return (
    <Textarea
      ref={input}
      label={label}
      description={description}
      inputWrapperOrder={['label', 'input', 'description', 'error']}
      placeholder={fallback}
      autosize
      minRows={isLong ? 3 : 1}
      maxRows={isLong ? 10 : 3}
      value={value}
      error={faultAt(place)}
      rightSection={<VariableMenu app={app} label={label} onPick={insert} />}
      rightSectionProps={{ style: { alignItems: 'flex-start', paddingTop: 4 } }}
      onChange={event =>
        onValue(isLong ? event.currentTarget.value : event.currentTarget.value.replaceAll('\n', ' '))
      }
    />
  )
}

const DEVICE_VARIABLES = ['user.id', 'device.platform', 'device.language', 'device.country'] as const
const TAGS_OFFERED = 12

interface VariableMenuProps {
  readonly app: string
  readonly label: string
  readonly onPick: (variable: string) => void
}

function VariableMenu({ app, label, onPick }: VariableMenuProps): ReactElement {
  const t = useTexts('compose')
  return (
    <Menu position="bottom-end" shadow="md" returnFocus>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size="sm" aria-label={t('variable.insert', { label })}>
          <span aria-hidden style={{ fontSize: 12, fontWeight: 700, whiteSpace: 'nowrap' }}>
            {'{ }'}
          </span>
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown mah={320} style={{ overflowY: 'auto' }}>
        <Variables app={app} onPick={onPick} />
      </Menu.Dropdown>
    </Menu>
  )
}

function Variables({ app, onPick }: Omit<VariableMenuProps, 'label'>): ReactElement {
  const t = useTexts('compose')
  const { data } = useSuggestedNames(app)
  const tags = (data?.tags ?? []).filter(it => !it.isDefault).slice(0, TAGS_OFFERED)
  return (
    <>
      <Menu.Label>{t('variable.tags')}</Menu.Label>
      {tags.map(({ name }) => (
        <Menu.Item key={name} onClick={() => onPick(variableOfTag(name))}>
          {name}
        </Menu.Item>
      ))}
      {data && tags.length === 0 && <Menu.Item disabled>{t('variable.none')}</Menu.Item>}
      <Menu.Label>{t('variable.device')}</Menu.Label>
      {DEVICE_VARIABLES.map(name => (
        <Menu.Item key={name} onClick={() => onPick(name)}>
          {t(`variable.${name}`)}
        </Menu.Item>
      ))}
    </>
  )
}

type DefaultsProps = Pick<WordsProps, 'content' | 'onChange'>

/** For each variable that is used: what stands there for a device that has no value. */
function Defaults({ content, onChange }: DefaultsProps): ReactElement | null {
  const t = useTexts('compose')
  const names = variablesIn(textsOf(content))
  const known = content.defaults.filter(it => !names.includes(it.name))
  if (names.length === 0 && known.length === 0) return null
  const defaultOf = (name: string): string => content.defaults.find(it => it.name === name)?.value ?? ''
  const set = (name: string, value: string): void => {
    const others = content.defaults.filter(it => it.name !== name)
    onChange({ defaults: value === '' ? others : [...others, { name, value }] })
  }
  return (
    <div>
      <Text size="sm" fw={600}>
        {t('defaults')}
      </Text>
      <Text size="xs" c="dimmed" mb="xs">
        {t('defaults.hint')}
      </Text>
      <div className={css.lane}>
        {[...names, ...known.map(it => it.name)].map(name => (
          <Line
            key={name}
            label={name}
            value={defaultOf(name)}
            place={`content.defaults.${name}`}
            onValue={value => set(name, value)}
          />
        ))}
      </div>
      <Switch
        mt="sm"
        label={t('defaults.blank')}
        checked={content.onMissing === 'blank'}
        onChange={event => onChange({ onMissing: event.currentTarget.checked ? 'blank' : 'skip' })}
      />
      {content.onMissing === 'skip' && names.some(name => defaultOf(name) === '') && (
        <Badge
          mt="xs"
          color="yellow"
          variant="light"
          tt="none"
          style={{ height: 'auto', whiteSpace: 'normal' }}
        >
          {t('defaults.skips')}
        </Badge>
      )}
    </div>
  )
}

function textsOf({ words, languages, gateways }: ContentDraft): string[] {
  const all = [words, ...languages.map(it => it.words), ...Object.values(gateways)]
  return all.flatMap(({ title, body, image, url, ...others }) => [
    title,
    'subtitle' in others ? others.subtitle : '',
    body,
    image,
    url,
  ])
}
