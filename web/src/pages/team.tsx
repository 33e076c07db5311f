import './team.css'
import { Button, Tooltip } from '@fluentui/react-components'
import { PeopleSearch24Regular, PeopleTeam24Regular, TextDensity20Regular } from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { Outlet, useNavigate, useSearch } from '@tanstack/react-router'
import { useCallback, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { useWatch } from '../api/live'
import { useRoster } from '../api/presence-store'
import { searchQuery, teamQuery, useFavourites } from '../api/queries'
import { AccountPrompt } from '../components/AccountPrompt'
import { setDensity, useDensity } from '../components/appearance'
import { PeopleGrid } from '../components/PeopleGrid'
import { PersonTile } from '../components/PersonTile'
import { useMe } from '../components/session'
import { TeamsPrompt } from '../components/TeamsPrompt'
import { QueryTrouble } from '../components/trouble'
import { type Card, lineShown, type Presence, STATUSES } from '../lib/model'
import type { StatusFilter } from '../lib/search'
import { Empty, useTitle, Waiting } from '../ui/parts'
import { PhoneMark, StatusShape } from '../ui/StatusShape'

type Group = { id: string; name: string; people: Card[] }

export function TeamPage() {
  const { t } = useTranslation()
  const { q = '', status } = useSearch({ from: '/app/team' })
  const team = useQuery(teamQuery)
  const found = useQuery(searchQuery(q))
  const me = useMe()
  const favourites = useFavourites()
  useTitle(t('nav.team'))

  const starredIDs = team.data?.favourites
  const starred = useMemo(() => new Set(starredIDs), [starredIDs])
  const { mutate } = favourites
  const star = useCallback(
    (id: string) => {
      const list = starredIDs ?? []
      mutate(list.includes(id) ? list.filter((x) => x !== id) : [...list, id])
    },
    [starredIDs, mutate],
  )

  const groups = useMemo<Group[]>(() => {
    if (q) return found.data?.people.length ? [{ id: 'found', name: t('team.found'), people: found.data.people }] : []
    if (!team.data) return []
    const cards = new Map(team.data.people.map((c) => [c.id, c]))
    const list = (ids: string[]) => ids.flatMap((id) => cards.get(id) ?? [])
    return [
      { id: 'favourites', name: t('team.favourites'), people: list(team.data.favourites) },
      ...team.data.groups.map((g) => ({ id: g.id, name: g.name, people: list(g.people) })),
    ].filter((g) => g.people.length)
  }, [q, found.data, team.data, t])

  const everybody = useMemo(
    () => [...new Map(groups.flatMap((g) => g.people).map((c) => [c.id, c])).values()],
    [groups],
  )
  useWatch(useMemo(() => everybody.map((c) => c.id), [everybody]))

  const error = q ? found.error : team.error
  const pending = q ? found.isPending : team.isPending
  return (
    <div className="page wide team">
      <header className="page-head">
        <h1 tabIndex={-1} className={q ? undefined : 'team-title'}>
          {q ? t('team.foundTitle', { q }) : t('nav.team')}
        </h1>
        <Filters people={everybody} chosen={status} />
        <DensityButton />
      </header>
      <AccountPrompt />
      <TeamsPrompt />
      {error && <QueryTrouble error={error} again={() => void (q ? found : team).refetch()} />}
      {pending && <Waiting label={t('waiting')} rows={10} />}
      {groups.map((g) => (
        <GroupSection key={g.id} group={g} status={status} starred={starred} onStar={star} me={me.person.id} />
      ))}
      {!pending && !error && groups.length === 0 && (
        <Empty
          icon={q ? <PeopleSearch24Regular /> : <PeopleTeam24Regular />}
          title={q ? t('team.nobodyFound', { q }) : t('team.empty')}
        >
          {q ? t('team.nobodyFoundHint') : t('team.emptyHint')}
        </Empty>
      )}
      {q && found.data?.next && <p className="note">{t('team.moreFound', { count: found.data.people.length })}</p>}
      <Outlet />
    </div>
  )
}

function fits(p: Presence | undefined, wanted: StatusFilter): boolean {
  return wanted === 'on_the_phone' ? lineShown(p) !== undefined : !p?.off && p?.status === wanted
}

function GroupSection({
  group,
  status,
  starred,
  onStar,
  me,
}: {
  group: Group
  status?: StatusFilter
  starred: Set<string>
  onStar: (id: string) => void
  me: string
}) {
  const { t } = useTranslation()
  const tile = (c: Card) => (
    <PersonTile card={c} self={c.id === me} starred={starred.has(c.id)} onStar={c.id === me ? undefined : onStar} />
  )
  if (status) return <Filtered group={group} status={status} tile={tile} empty={t('team.noneOfStatus')} />
  return (
    <section className="group" aria-labelledby={`group-${group.id}`}>
      <h2 id={`group-${group.id}`}>
        {group.name} <span className="count">{group.people.length}</span>
      </h2>
      <PeopleGrid people={group.people} label={group.name} render={tile} />
    </section>
  )
}

/** Only with a filter does a list listen to everybody. */
function Filtered({
  group,
  status,
  tile,
  empty,
}: {
  group: Group
  status: StatusFilter
  tile: (c: Card) => React.ReactNode
  empty: string
}) {
  const { t } = useTranslation()
  const roster = useRoster()
  const people = group.people.filter((c) => fits(roster.get(c.id) ?? c.presence, status))
  return (
    <section className="group" aria-labelledby={`group-${group.id}`}>
      <h2 id={`group-${group.id}`}>
        {group.name} <span className="count">{t('team.of', { shown: people.length, all: group.people.length })}</span>
      </h2>
      {people.length ? (
        <PeopleGrid people={people} label={group.name} render={tile} />
      ) : (
        <p className="note none">{empty}</p>
      )}
    </section>
  )
}

function Filters({ people, chosen }: { people: Card[]; chosen?: StatusFilter }) {
  const { t } = useTranslation()
  const roster = useRoster()
  const navigate = useNavigate()
  const choose = (status?: StatusFilter) =>
    void navigate({ to: '.', search: (s) => ({ ...s, status: status === chosen ? undefined : status }), replace: true })
  const count = (f: StatusFilter) => people.filter((c) => fits(roster.get(c.id) ?? c.presence, f)).length
  const phones = count('on_the_phone')
  return (
    <fieldset className="filters" aria-label={t('team.filter')}>
      <button type="button" className="filter" aria-pressed={!chosen} onClick={() => choose()}>
        {t('team.all')} <span className="count">{people.length}</span>
      </button>
      {STATUSES.map((s) => {
        const n = count(s)
        if (!n && chosen !== s) return null
        return (
          <button key={s} type="button" className="filter" aria-pressed={chosen === s} onClick={() => choose(s)}>
            <StatusShape status={s} size={14} />
            <span className="filter-word">{t(`status.${s}`)}</span> <span className="count">{n}</span>
          </button>
        )
      })}
      {(phones > 0 || chosen === 'on_the_phone') && (
        <button
          type="button"
          className="filter"
          aria-pressed={chosen === 'on_the_phone'}
          onClick={() => choose('on_the_phone')}
        >
          <PhoneMark size={14} />
          <span className="filter-word">{t('line.on_the_phone')}</span> <span className="count">{phones}</span>
        </button>
      )}
    </fieldset>
  )
}

function DensityButton() {
  const { t } = useTranslation()
  const density = useDensity()
  return (
    <Tooltip content={t('team.density')} relationship="label">
      <Button
        appearance="subtle"
        className="density"
        aria-pressed={density === 'comfortable'}
        icon={<TextDensity20Regular />}
        onClick={() => setDensity(density === 'compact' ? 'comfortable' : 'compact')}
      />
    </Tooltip>
  )
}
