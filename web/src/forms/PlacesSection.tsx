import { Button, Field, Input, Select } from '@fluentui/react-components'
import { Add20Regular, ArrowDown20Regular, ArrowUp20Regular, Delete20Regular } from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { groupsQuery, locationsQuery } from '../api/admin'
import { wrongWith } from '../components/problem'
import { type Place, reachedBefore } from '../lib/connector'
import { moved } from '../lib/order'
import { Section } from '../ui/parts'
import { ReasonButton } from '../ui/ReasonButton'

/** Where people belong; the first place that fits counts. */
export function PlacesSection({
  of,
  places,
  location,
  note,
  error,
  needed,
  onPlaces,
}: {
  of: 'ldap' | 'scim'
  places: Place[]
  /** Of a place that is added. */
  location: string
  note: string
  error: unknown
  /** Why a place before the last must name a group, once that was tried. */
  needed?: string
  onPlaces: (places: Place[]) => void
}) {
  const { t } = useTranslation()
  const { data: locations = [] } = useQuery(locationsQuery)
  const { data: groups = [] } = useQuery(groupsQuery)
  // A provider sends people before their groups: its last place is for everybody, and stays the last.
  const rest = of === 'scim' ? places.length - 1 : -1
  const add = () => onPlaces(rest < 0 ? [...places, { location }] : places.toSpliced(rest, 0, { location }))
  const set = (i: number, part: Partial<Place>) => onPlaces(places.map((p, n) => (n === i ? { ...p, ...part } : p)))
  return (
    <Section
      title={t('admin.directories.group.places')}
      note={note}
      actions={
        <Button icon={<Add20Regular />} onClick={add}>
          {t('admin.directories.addPlace')}
        </Button>
      }
    >
      {wrongWith(error, `${of}.places`) && <p className="wrong">{wrongWith(error, `${of}.places`)}</p>}
      <ol className="rows places">
        {places.map((p, i) => {
          const n = i + 1
          const before = i === rest ? 0 : reachedBefore(places.slice(0, rest < 0 ? undefined : rest), i)
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: places have no names, and their fields keep nothing by themselves
            <li key={i}>
              <fieldset className="grow">
                <legend className="row-name">
                  {i === rest ? t('admin.provisioning.everybody') : t('admin.directories.place', { n })}
                </legend>
                <div className="fields">
                  {i !== rest && (
                    <Field
                      label={t(`admin.${of === 'ldap' ? 'directories' : 'provisioning'}.member`)}
                      hint={t(`admin.${of === 'ldap' ? 'directories' : 'provisioning'}.memberHint`)}
                      required={of === 'scim'}
                      validationMessage={p.member?.trim() ? wrongWith(error, `${of}.places[${i}].member`) : needed}
                    >
                      <Input
                        value={p.member ?? ''}
                        maxLength={1000}
                        autoComplete="off"
                        spellCheck={false}
                        onChange={(_e, x) => set(i, { member: x.value })}
                      />
                    </Field>
                  )}
                  <Field
                    label={t('admin.persons.field.location')}
                    required
                    validationMessage={wrongWith(error, `${of}.places[${i}].location`)}
                  >
                    <Select value={p.location} onChange={(_e, x) => set(i, { location: x.value, group: undefined })}>
                      {!locations.some((l) => l.id === p.location) && <option value={p.location}>{p.location}</option>}
                      {locations.map((l) => (
                        <option key={l.id} value={l.id}>
                          {l.name}
                        </option>
                      ))}
                    </Select>
                  </Field>
                  <Field
                    label={t('admin.persons.field.group')}
                    validationMessage={wrongWith(error, `${of}.places[${i}].group`)}
                  >
                    <Select value={p.group ?? ''} onChange={(_e, x) => set(i, { group: x.value || undefined })}>
                      <option value="">{t('admin.persons.noGroup')}</option>
                      {groups
                        .filter((g) => g.location === p.location)
                        .map((g) => (
                          <option key={g.id} value={g.id}>
                            {g.name}
                          </option>
                        ))}
                    </Select>
                  </Field>
                </div>
                {before > 0 && of === 'ldap' && (
                  <p className="note" role="status">
                    {t('admin.directories.unreached', { n: before })}
                  </p>
                )}
              </fieldset>
              <span className="row-buttons">
                <ReasonButton
                  appearance="subtle"
                  icon={<ArrowUp20Regular />}
                  reason={i === rest ? t('admin.provisioning.lastPlace') : undefined}
                  disabled={i === 0}
                  aria-label={t('admin.directories.upPlace', { n })}
                  onClick={() => onPlaces(moved(places, i, i - 1))}
                />
                <ReasonButton
                  appearance="subtle"
                  icon={<ArrowDown20Regular />}
                  reason={rest >= 0 && i >= rest - 1 ? t('admin.provisioning.lastPlace') : undefined}
                  disabled={n === places.length}
                  aria-label={t('admin.directories.downPlace', { n })}
                  onClick={() => onPlaces(moved(places, i, i + 1))}
                />
                <ReasonButton
                  appearance="subtle"
                  icon={<Delete20Regular />}
                  reason={
                    places.length === 1
                      ? t('admin.directories.onlyPlace')
                      : i === rest
                        ? t('admin.provisioning.lastPlace')
                        : undefined
                  }
                  aria-label={t('admin.directories.removePlace', { n })}
                  onClick={() => onPlaces(places.filter((_, x) => x !== i))}
                />
              </span>
            </li>
          )
        })}
      </ol>
    </Section>
  )
}
