/** Who may work with an app, or with all of them: roles, removal, and links that invite others. */
import { Badge, Button, Group, Select, Stack, Text, Tooltip } from '@mantine/core'
import type { MemberView, PersonRole } from '@roost/protocol'
import { type ReactElement, useState } from 'react'
import { Rename } from '../account/rename.tsx'
import { useTexts } from '../i18n/language.tsx'
import { Ago } from '../parts/ago.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { Empty, Loaded, PageHead, Panel } from '../parts/page.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import { ReadOnlyMark, useMay, useSession } from '../session/session.tsx'
import { useChangeRole, useMembers, useRemoveMember } from './calls.ts'
import { InvitationsPanel, InviteForm } from './invitations.tsx'
import { type Place, PlaceSwitch, usePlace } from './place.tsx'
import { isLastOwner, ROLES } from './roles.ts'

export function MembersPage(): ReactElement {
  const place = usePlace('read')
  // another place starts anew: a link that was made for one must not stand under the other
  return <MembersOf key={place.key} place={place} />
}

function MembersOf({ place }: { readonly place: Place }): ReactElement {
  const t = useTexts('people')
  const common = useTexts('common')
  const mayGive = useMay('access', place.app)
  const members = useMembers(place)
  const [isInviting, setInviting] = useState(false)
  const invite = !isInviting && mayGive && (
    <Button size="sm" onClick={() => setInviting(true)}>
      {t('invite.button')}
    </Button>
  )
  return (
    <>
      <PageHead
        title={common('page.members')}
        about={place.app === null ? t('members.about.all') : t('members.about.app', { app: place.name })}
      >
        {!mayGive && <ReadOnlyMark right="access" />}
        <PlaceSwitch place={place} right="read" />
        {invite}
      </PageHead>
      <Stack gap="md">
        {isInviting && <InviteForm place={place} onDone={() => setInviting(false)} />}
        <Panel>
          <Loaded query={members}>
            {found =>
              found.length === 0 ? (
                <Empty title={t('members.none.title')} action={invite}>
                  {t('members.none.body')}
                </Empty>
              ) : (
                <Members place={place} members={found} />
              )
            }
          </Loaded>
        </Panel>
        {mayGive && <InvitationsPanel place={place} />}
      </Stack>
    </>
  )
}

interface MembersProps {
  readonly place: Place
  readonly members: readonly MemberView[]
}

type Asked =
  | { readonly kind: 'role'; readonly member: MemberView; readonly role: PersonRole }
  | { readonly kind: 'removal'; readonly member: MemberView }
  | { readonly kind: 'name'; readonly member: MemberView }

function Members({ place, members }: MembersProps): ReactElement {
  const t = useTexts('people')
  const [asked, setAsked] = useState<Asked>()
  const close = (): void => setAsked(undefined)
  return (
    <>
      <DataTable
        label={t('members.list')}
        columns={useColumns(place, members, setAsked)}
        rows={members}
        keyOf={({ id }) => String(id)}
      />
      {asked?.kind === 'role' && <RoleQuestion place={place} {...asked} onDone={close} />}
      {asked?.kind === 'removal' && <RemovalQuestion place={place} {...asked} onDone={close} />}
      {asked?.kind === 'name' && (
        <Rename
          name={asked.member.name}
          path={`v1/members/${asked.member.id}`}
          touches={[place.key, 'members']}
          onDone={close}
        />
      )}
    </>
  )
}

function useColumns(
  place: Place,
  members: readonly MemberView[],
  ask: (asked: Asked) => void,
): readonly Column<MemberView>[] {
  const t = useTexts('people')
  const common = useTexts('common')
  const mayGive = useMay('access', place.app)
  const isLast = (member: MemberView): boolean => isLastOwner(member, members, place.app !== null)
  const columns: readonly Column<MemberView>[] = [
    {
      key: 'name',
      title: t('members.name'),
      width: 'minmax(0, 1.4fr)',
      cell: member => <Name member={member} />,
    },
    {
      key: 'role',
      title: t('members.role'),
      width: 'minmax(170px, 1.4fr)',
      cell: member => (
        <Role
          member={member}
          isApp={place.app !== null}
          mayGive={mayGive}
          isLast={mayGive && isLast(member)}
          onRole={role => ask({ kind: 'role', member, role })}
        />
      ),
    },
    {
      key: 'factor',
      title: t('members.factor'),
      cell: ({ hasSecondFactor }) =>
        hasSecondFactor ? (
          <StateBadge tone="good" label={t('members.factor.on')} />
        ) : (
          <StateBadge tone="plain" label={t('members.factor.off')} />
        ),
    },
    {
      key: 'seen',
      title: t('members.seen'),
      isNumber: true,
      cell: ({ seenAt }) => (seenAt === null ? common('never') : <Ago at={seenAt} />),
    },
  ]
  if (!mayGive) return columns
  const removal: Column<MemberView> = {
    key: 'actions',
    title: t('members.actions'),
    isNumber: true,
    width: place.app === null ? '190px' : '110px',
    cell: member => {
      if (place.app !== null && member.role === null) return '–'
      const isKept = isLast(member)
      const button = (
        <Button
          size="compact-sm"
          variant="subtle"
          color="red"
          disabled={isKept}
          aria-label={t('members.removeOf', { name: member.name })}
          onClick={() => ask({ kind: 'removal', member })}
        >
          {t('members.remove')}
        </Button>
      )
      return (
        <Group gap={4} justify="flex-end" wrap="nowrap">
          {place.app === null && (
            <Button
              size="compact-sm"
              variant="subtle"
              aria-label={common('rename.of', { name: member.name })}
              onClick={() => ask({ kind: 'name', member })}
            >
              {common('rename.verb')}
            </Button>
          )}
          {isKept ? <Tooltip label={t('members.last')}>{button}</Tooltip> : button}
        </Group>
      )
    },
  }
  return [...columns, removal]
}

function Name({ member }: { readonly member: MemberView }): ReactElement {
  const t = useTexts('people')
  const isYou = useIsYou()(member)
  return (
    <Group gap={8} wrap="nowrap">
      <Text size="sm" fw={600} style={{ overflowWrap: 'anywhere' }}>
        {member.name}
      </Text>
      {isYou && (
        <Badge size="sm" variant="light" tt="none">
          {t('members.you')}
        </Badge>
      )}
    </Group>
  )
}

function useIsYou(): (member: MemberView) => boolean {
  const { me } = useSession()
  return ({ id }) => me.person?.id === id
}

interface RoleProps {
  readonly member: MemberView
  readonly isApp: boolean
  readonly mayGive: boolean
  /** Nobody may take this role away. */
  readonly isLast: boolean
  readonly onRole: (role: PersonRole) => void
}

/** In an app, the role of all apps stands under that of this one. */
function Role({ member, isApp, mayGive, isLast, onRole }: RoleProps): ReactElement {
  const t = useTexts('people')
  const isFixed = !mayGive || isLast
  const { role, installationRole, name } = member
  const everywhere =
    isApp && installationRole !== null
      ? t('members.everywhere', { role: t(`role.${installationRole}`) })
      : undefined
  return (
    <Stack gap={2}>
      {!isFixed && (
        <Select
          size="xs"
          maw={180}
          aria-label={t('members.roleOf', { name })}
          placeholder={t('role.none')}
          data={ROLES.map(each => ({ value: each, label: t(`role.${each}`) }))}
          value={role}
          allowDeselect={false}
          onChange={next => {
            const chosen = ROLES.find(each => each === next)
            if (chosen !== undefined && chosen !== role) onRole(chosen)
          }}
        />
      )}
      {isFixed && role !== null && <Text size="sm">{t(`role.${role}`)}</Text>}
      {everywhere && (
        <Text size="xs" c="dimmed">
          {everywhere}
        </Text>
      )}
      {isLast && (
        <Text size="xs" c="dimmed">
          {t('members.last')}
        </Text>
      )}
    </Stack>
  )
}

interface QuestionProps {
  readonly place: Place
  readonly member: MemberView
  readonly onDone: () => void
}

function RoleQuestion(props: QuestionProps & { readonly role: PersonRole }): ReactElement {
  const { place, member, role, onDone } = props
  const t = useTexts('people')
  const isYou = useIsYou()(member)
  const change = useChangeRole(place)
  return (
    <Confirm
      isOpen
      title={t('change.title', { name: member.name })}
      verb={t('change.verb')}
      isPending={change.isPending}
      error={change.error}
      onConfirm={() => change.mutate({ id: member.id, role }, { onSuccess: onDone })}
      onClose={onDone}
    >
      <Text size="sm">
        {t('change.body', { name: member.name, role, place: place.name })} {t(`role.${role}.about`)}
      </Text>
      {isYou && (
        <Text size="sm" fw={600} mt="xs">
          {t('change.own')}
        </Text>
      )}
    </Confirm>
  )
}

function RemovalQuestion({ place, member, onDone }: QuestionProps): ReactElement {
  const t = useTexts('people')
  const isYou = useIsYou()(member)
  const remove = useRemoveMember(place)
  const { name } = member
  return (
    <Confirm
      isOpen
      isDangerous
      title={t('remove.title', { name })}
      verb={t('remove.verb', { name })}
      isPending={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate(member.id, { onSuccess: onDone })}
      onClose={onDone}
    >
      <Text size="sm">{t(wordsOfRemoval(place, member), { name, place: place.name })}</Text>
      {isYou && (
        <Text size="sm" fw={600} mt="xs">
          {t('remove.own')}
        </Text>
      )}
    </Confirm>
  )
}

function wordsOfRemoval(
  { app }: Place,
  member: MemberView,
): 'remove.all' | 'remove.app' | 'remove.app.still' {
  if (app === null) return 'remove.all'
  return member.installationRole === null ? 'remove.app' : 'remove.app.still'
}
