import { Button, MessageBar, MessageBarBody } from '@fluentui/react-components'
import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import {
  consequencesQuery,
  groupsQuery,
  locationsQuery,
  scopeQuery,
  systemsQuery,
  useResetScope,
  useSaveScope,
} from '../api/admin'
import { changedMeanwhile, Problem } from '../api/errors'
import { AskBeforeLeaving } from '../components/AskBeforeLeaving'
import { ChangeBar } from '../components/ChangeBar'
import { usedIn, useProblemText, wrongWith } from '../components/problem'
import { useScopeDraft } from '../components/scope-draft'
import { QueryTrouble } from '../components/trouble'
import { MicrophoneForm } from '../forms/MicrophoneForm'
import type { Offer } from '../forms/OfferTemplate'
import { ResetDialog } from '../forms/ResetDialog'
import {
  ActivationForm,
  CalendarForm,
  FeatureForm,
  OwnProfilesForm,
  RelationshipsForm,
  SectionChoice,
} from '../forms/scope-sections'
import { TeamsForm } from '../forms/TeamsForm'
import { TelephonyForm } from '../forms/TelephonyForm'
import { TemplatesForm } from '../forms/TemplatesForm'
import { changeWords, consequences, counted, placeWords } from '../lib/change-words'
import { FACTORY } from '../lib/factory'
import { SECTIONS, type SectionName } from '../lib/model'
import { hasFaults } from '../lib/programs'
import { blamed, type Change, changesOf, type Scope, type Values } from '../lib/scope'
import { shipped } from '../lib/shipped'
import { Page, Section, Trouble, Waiting } from '../ui/parts'

/** Presence management of a location or of a configuration group. */
export function ScopePage() {
  const { t } = useTranslation()
  const { scope } = useParams({ from: '/app/admin/scopes/$scope' })
  const locations = useQuery(locationsQuery)
  const groups = useQuery(groupsQuery)
  const group = groups.data?.find((g) => g.id === scope)
  const location = locations.data?.find((l) => l.id === (group?.location ?? scope))
  const settings = useQuery(scopeQuery(scope))
  const base = useQuery({ ...scopeQuery(group?.location ?? ''), enabled: !!group })
  const trouble = [settings, base, locations, groups].find((q) => q.error)
  const name = group?.name ?? location?.name ?? ''
  return (
    <Page
      title={name ? t('admin.scope.titleOf', { name }) : t('admin.scope.title')}
      lead={
        <>
          <Link to="/admin/locations">{t('admin.scope.back')}</Link>
          {location && group && (
            <>
              {' › '}
              <Link to="/admin/scopes/$scope" params={{ scope: location.id ?? '' }}>
                {location.name}
              </Link>
            </>
          )}
          {location && ` › ${name} · ${t('admin.people', { count: (group ?? location).people ?? 0 })}`}
        </>
      }
    >
      {trouble && <QueryTrouble error={trouble.error} again={() => void trouble.refetch()} />}
      {!trouble && (!settings.data || (group && !base.data) || !location) && <Waiting label={t('waiting')} />}
      {settings.data && location && (!group || base.data) && (
        <Settings
          key={scope}
          id={scope}
          name={name}
          people={(group ?? location).people ?? 0}
          location={group && { id: location.id ?? '', name: location.name }}
          saved={settings.data}
          base={group && base.data}
        />
      )}
    </Page>
  )
}

function Settings({
  id,
  name,
  people,
  location,
  saved,
  base,
}: {
  id: string
  name: string
  people: number
  /** Of a configuration group: its location, and the settings there. */
  location?: { id: string; name: string }
  saved: Scope
  base?: Scope
}) {
  const { t } = useTranslation()
  const save = useSaveScope(id)
  const { draft, seen, onto, next, others, put: enter, looked, discard } = useScopeDraft(saved, base, save.isPending)
  const changes = changesOf(onto, next)
  const dirty = changes.length > 0
  const faulty = hasFaults(next.microphone.value.programs)
  const preview = useQuery({ ...consequencesQuery(id, onto, draft), enabled: dirty && !faulty })
  const say = useProblemText()

  const put = <S extends SectionName>(section: S, value: Values[S]) =>
    enter(section, { individual: next[section].individual, value })
  const choose = <S extends SectionName>(section: S, individual: boolean) => {
    if (!base) return
    const own = onto[section].individual ? onto[section].value : FACTORY[section]
    enter(section, { individual, value: individual ? own : base[section].value })
  }
  const wrong = (field: string) => wrongWith(save.error, field)
  const named = (template: string) => {
    const all = [next, onto, seen].flatMap((s) => s.templates.value)
    return shipped(all.find((x) => x.id === template)?.name ?? template, t)
  }
  const { data: systems } = useQuery(systemsQuery(id))
  const system = (x: string) => systems?.find((s) => s.id === x)?.name ?? x
  const offer: Offer = {
    saved: onto,
    next,
    location: base && !next.templates.individual ? location : undefined,
    onTemplates: (templates) => put('templates', templates),
  }
  const form = (section: SectionName, children: (off: boolean) => ReactNode) => (
    <ScopeSection
      key={section}
      section={section}
      note={NOTES[section] && t(NOTES[section])}
      location={location?.name}
      individual={next[section].individual}
      onChoose={base && ((individual) => choose(section, individual))}
    >
      {children(!!base && !next[section].individual)}
    </ScopeSection>
  )

  return (
    <>
      {form('feature', (off) => (
        <FeatureForm value={next.feature.value} off={off} onChange={(v) => put('feature', v)} />
      ))}
      {form('templates', (off) => (
        <TemplatesForm
          value={next.templates.value}
          scope={next}
          off={off}
          wrong={wrong}
          onChange={(v) => put('templates', v)}
        />
      ))}
      {form('own_profiles', (off) => (
        <OwnProfilesForm value={next.own_profiles.value} off={off} onChange={(v) => put('own_profiles', v)} />
      ))}
      {form('activation', (off) => (
        <ActivationForm
          value={next.activation.value}
          off={off}
          templates={next.templates.value}
          wrong={wrong}
          onChange={(v) => put('activation', v)}
        />
      ))}
      {form('calendar', (off) => (
        <CalendarForm
          scope={id}
          value={next.calendar.value}
          off={off}
          templates={next.templates.value}
          wrong={wrong}
          onChange={(v) => put('calendar', v)}
        />
      ))}
      {form('teams', (off) => (
        <TeamsForm
          scope={id}
          value={next.teams.value}
          off={off}
          wrong={wrong}
          offer={offer}
          onChange={(v) => put('teams', v)}
        />
      ))}
      {form('telephony', (off) => (
        <TelephonyForm
          scope={id}
          value={next.telephony.value}
          templates={next.templates.value}
          off={off}
          wrong={wrong}
          onChange={(v) => put('telephony', v)}
        />
      ))}
      {form('microphone', (off) => (
        <MicrophoneForm
          value={next.microphone.value}
          off={off}
          offer={offer}
          wrong={wrong}
          onChange={(v) => put('microphone', v)}
        />
      ))}
      {form('relationships', (off) => (
        <RelationshipsForm value={next.relationships.value} off={off} onChange={(v) => put('relationships', v)} />
      ))}
      <ResetSection id={id} name={name} />
      <ChangeBar
        groups={bySection(changes, (c) => changeWords(c, named, t, system))}
        foreign={bySection(others, (c) => ({ ...changeWords(c, named, t, system), replaced: c.replaced }))}
        onLooked={() => {
          looked()
          save.reset()
        }}
        effects={[
          ...consequences(changes, people, t),
          ...(preview.data && !faulty ? counted(preview.data, t) : []),
          ...(preview.error && !changedMeanwhile(preview.error)
            ? [`${t('admin.consequence.refused')} ${say(preview.error)}`]
            : []),
        ]}
        trouble={!!save.error && !(others.length && changedMeanwhile(save.error)) && <Refusal error={save.error} />}
        refused={faulty ? t('admin.changes.correct', { sections: t('admin.section.microphone') }) : undefined}
        saved={save.isSuccess}
        saving={save.isPending}
        onSave={() => save.mutate({ saved: onto, draft }, { onSuccess: discard })}
        onDiscard={() => {
          discard()
          save.reset()
        }}
      />
      <AskBeforeLeaving dirty={dirty} />
    </>
  )
}

/** Changes in words, in the order of the page. */
const bySection = <C extends Change, W>(changes: C[], words: (c: C) => W): { section: SectionName; changes: W[] }[] =>
  SECTIONS.map((section) => ({
    section,
    changes: changes.filter((c) => c.section === section).map(words),
  })).filter((g) => g.changes.length)

/** What was refused, in the server's own words; where a template is still used, also the places in the reader's. */
function Refusal({ error }: { error: unknown }) {
  const { t } = useTranslation()
  const say = useProblemText()
  const places = usedIn(error).map((p) => (p === 'templates' ? t('admin.templates.use.people') : placeWords(p, t)))
  const sections = error instanceof Problem ? blamed(error.fields.map((f) => f.field)) : []
  return (
    <Trouble title={t('admin.changes.refused')}>
      {sections.length > 0 && (
        <p>{t('admin.changes.refusedIn', { sections: sections.map((s) => t(`admin.section.${s}`)).join(', ') })}</p>
      )}
      <p>
        {error instanceof Problem && places.length ? (
          <>
            {error.message}. {t('admin.changes.usedIn', { places: places.join('; ') })}
          </>
        ) : (
          say(error)
        )}
      </p>
    </Trouble>
  )
}

const NOTES = {
  feature: 'admin.feature.note',
  templates: 'admin.templates.note',
  own_profiles: undefined,
  activation: 'admin.activation.note',
  calendar: 'admin.calendar.note',
  teams: 'admin.teams.note',
  telephony: 'admin.telephonyOf.note',
  microphone: 'admin.microphone.note',
  relationships: undefined,
} as const satisfies Record<SectionName, string | undefined>

function ScopeSection({
  section,
  note,
  location,
  individual,
  onChoose,
  children,
}: {
  section: SectionName
  note?: string
  location?: string
  individual: boolean
  /** Only a configuration group has a choice. */
  onChoose?: (individual: boolean) => void
  children: ReactNode
}) {
  const { t } = useTranslation()
  return (
    <Section title={t(`admin.section.${section}`)} note={note}>
      {onChoose && (
        <div className="choice-line">
          <SectionChoice section={section} individual={individual} onChange={onChoose} />
          {!individual && <p className="note">{t('admin.scope.fromLocation', { name: location })}</p>}
        </div>
      )}
      {children}
    </Section>
  )
}

function ResetSection({ id, name }: { id: string; name: string }) {
  const { t } = useTranslation()
  const [asking, setAsking] = useState(false)
  const [done, setDone] = useState<number>()
  return (
    <Section
      title={t('admin.reset.title')}
      note={t('admin.reset.note')}
      actions={<Button onClick={() => setAsking(true)}>{t('data.resetButton')}</Button>}
    >
      {done !== undefined && (
        <MessageBar intent="success" layout="multiline">
          <MessageBarBody>{t('admin.reset.done', { count: done })}</MessageBarBody>
        </MessageBar>
      )}
      {asking && (
        <ResetDialog
          title={t('admin.reset.ask', { name })}
          // biome-ignore lint/correctness/useHookAtTopLevel: the dialog calls it as a hook
          useReset={() => useResetScope(id)}
          words={(count) => (count === 0 ? t('admin.reset.touches_zero') : t('admin.reset.touches', { count }))}
          onClose={() => setAsking(false)}
          onDone={setDone}
        />
      )}
    </Section>
  )
}
